import Glibc

/// A path inside a tree, as bytes: the root is empty, components are joined by NUL.
///
/// This *key form* makes `memcmp` order the order of a scan (a directory right before what is below it, names bytewise), and is
/// what `snap.db`, the wire and memory hold. Names are bytes, not text. Validated at the border by `init(validating:)`;
/// everything inside may rely on: each component 1...255 bytes without `/` and NUL, not `.` or `..`; depth ≤ 1 024; ≤ 32 KiB.
package struct TreePath: Hashable, Sendable {
    package static let bytesMax = 32 * 1024
    package static let depthMax = 1024
    package static let nameBytesMax = 255
    /// The name that belongs to Headwater in every directory; never synced, scanned or named by a peer.
    package static let reservedName = Array(".headwater".utf8)

    package static let root = TreePath(trusted: [])

    /// The key form.
    package let key: [UInt8]

    /// For bytes that this process made itself from scanned names or validated paths.
    package init(trusted key: [UInt8]) { self.key = key }

    /// For bytes from the wire or from disk.
    package init(validating key: some Collection<UInt8>) throws(PathFault) {
        let bytes = Array(key)
        if let fault = TreePath.fault(in: bytes) { throw fault }
        self.key = bytes
    }

    /// Parses a path as a person writes it, with `/`; empty is the root.
    package init(slashed text: String) throws(PathFault) {
        try self.init(validating: text.utf8.map { $0 == UInt8(ascii: "/") ? 0 : $0 })
    }

    package var isRoot: Bool { key.isEmpty }

    /// The last component; empty for the root.
    package var name: ArraySlice<UInt8> {
        guard let cut = key.lastIndex(of: 0) else { return key[...] }
        return key[(cut + 1)...]
    }

    /// The directory that holds this path; the root is its own parent.
    package var parent: TreePath {
        guard let cut = key.lastIndex(of: 0) else { return .root }
        return TreePath(trusted: Array(key[..<cut]))
    }

    package var components: [ArraySlice<UInt8>] {
        key.isEmpty ? [] : key.split(separator: 0, omittingEmptySubsequences: false)
    }

    package func appending(_ name: some Collection<UInt8>) -> TreePath {
        if key.isEmpty { return TreePath(trusted: Array(name)) }
        var joined = key
        joined.reserveCapacity(key.count + 1 + name.count)
        joined.append(0)
        joined.append(contentsOf: name)
        return TreePath(trusted: joined)
    }

    /// Whether `other` is this path or lies below it.
    package func contains(_ other: TreePath) -> Bool {
        if key.isEmpty { return true }
        guard other.key.count >= key.count, other.key.starts(with: key) else { return false }
        return other.key.count == key.count || other.key[key.count] == 0
    }

    /// The same path once `old`, which is this one or above it, is called `new`.
    package func moved(from old: TreePath, to new: TreePath) -> TreePath {
        TreePath(trusted: new.key + key.dropFirst(old.key.count))
    }

    /// What breaks the rules above, or nil.
    package static func fault(in key: [UInt8]) -> PathFault? {
        if key.isEmpty { return nil }
        if key.count > bytesMax { return .tooLong(key.count) }
        var depth = 0
        for component in key.split(separator: 0, omittingEmptySubsequences: false) {
            depth += 1
            if let fault = fault(inName: component) { return fault }
        }
        return depth > depthMax ? .tooDeep(depth) : nil
    }

    /// What makes one component unfit to be a name, or nil.
    package static func fault(inName name: ArraySlice<UInt8>) -> PathFault? {
        if name.isEmpty { return .emptyName }
        if name.count > nameBytesMax { return .nameTooLong(name.count) }
        if name.elementsEqual([UInt8(ascii: ".")]) || name.elementsEqual([UInt8(ascii: "."), UInt8(ascii: ".")]) {
            return .dots
        }
        if name.elementsEqual(reservedName) { return .reserved }
        return name.contains { $0 == UInt8(ascii: "/") || $0 == 0 } ? .separatorInName : nil
    }
}

/// Why bytes are not a path of a tree.
package enum PathFault: Error, Equatable, Sendable {
    case tooLong(Int), tooDeep(Int), emptyName, nameTooLong(Int), dots, reserved, separatorInName
}

extension TreePath: Comparable {
    package static func < (a: TreePath, b: TreePath) -> Bool { compare(a.key, b.key) < 0 }

    /// `memcmp` order of key forms; negative, zero or positive.
    package static func compare(_ a: [UInt8], _ b: [UInt8]) -> Int {
        a.withUnsafeBytes { x in b.withUnsafeBytes { y in compare(x, y) } }
    }

    package static func compare(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int {
        let common = min(a.count, b.count)
        if common > 0 {
            let order = memcmp(a.baseAddress!, b.baseAddress!, common)
            if order != 0 { return Int(order) }
        }
        return a.count - b.count
    }
}

extension TreePath: CustomStringConvertible {
    /// For messages: `/` between components, everything a terminal could obey or misread as `\xNN`; the root is `.`.
    package var description: String { isRoot ? "." : Printable.text(key.map { $0 == 0 ? UInt8(ascii: "/") : $0 }) }
}
