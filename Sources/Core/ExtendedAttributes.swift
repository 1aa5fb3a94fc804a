/// One extended attribute of an entry (xattr(7)).
package struct ExtendedAttribute: Hashable, Sendable {
    /// 1...255 bytes without NUL, the namespace in front.
    package var name: [UInt8]
    package var value: [UInt8]

    package init(name: [UInt8], value: [UInt8]) { (self.name, self.value) = (name, value) }
}

/// The extended attributes of an entry, as far as who says it sees them.
package struct ExtendedAttributes: Hashable, Sendable {
    /// Namespaces, of which one end may see or set fewer than another. Nothing is said of those that are not in it.
    package struct Scope: OptionSet, Hashable, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        /// `user.*`: of files and directories.
        package static let user = Scope(rawValue: 1)
        /// `trusted.*`: only for root.
        package static let trusted = Scope(rawValue: 2)
        /// `security.capability`: of files.
        package static let capability = Scope(rawValue: 4)
        package static let all: Scope = [.user, .trusted, .capability]

        /// The one that an attribute belongs to; nil for what is never kept in step, ACLs and labels among it.
        package init?(of name: [UInt8]) {
            if name.starts(with: Array("user.".utf8)) {
                self = .user
            } else if name.starts(with: Array("trusted.".utf8)) {
                self = .trusted
            } else if name == Array("security.capability".utf8) {
                self = .capability
            } else {
                return nil
            }
        }

        /// The namespaces that an entry of this kind can have.
        package static func of(_ kind: EntryKind) -> Scope {
            switch kind {
            case .file: .all
            case .directory: [.user, .trusted]
            default: .trusted
            }
        }
    }

    package let scope: Scope
    /// By name, each once, each of `scope`.
    package let list: [ExtendedAttribute]

    /// The most bytes of all names and values of one entry, with five beside each.
    package static let bytesMax = 32 << 10

    /// - Parameter list: each name once; what is not of `scope` is left out.
    package init(_ scope: Scope, _ list: [ExtendedAttribute]) {
        self.scope = scope
        self.list = list.filter { Scope(of: $0.name).map(scope.contains) ?? false }
            .sorted { $0.name.lexicographicallyPrecedes($1.name) }
    }

    /// What they take.
    package var bytesCount: Int { list.reduce(3) { $0 + 5 + $1.name.count + $1.value.count } }

    /// Those of some namespaces.
    package func within(_ scope: Scope) -> [ExtendedAttribute] {
        list.filter { Scope(of: $0.name).map(scope.contains) ?? false }
    }

    func write(to out: inout [UInt8]) {
        out.append(scope.rawValue)
        out.put(UInt16(list.count))
        for one in list {
            out.append(UInt8(one.name.count))
            out += one.name
            out.put(UInt32(one.value.count))
            out += one.value
        }
    }

    /// Nil for what `write` would not have written, or beyond `bytesMax`.
    init?(reading input: inout MetadataReader) {
        guard let raw = input.byte(), Scope(rawValue: raw).isSubset(of: .all), let count = input.number(UInt16.self)
        else { return nil }
        let scope = Scope(rawValue: raw)
        var list: [ExtendedAttribute] = []
        var bytes = 3
        for _ in 0..<count {
            guard let name = input.name(), let size = input.number(UInt32.self) else { return nil }
            bytes += 5 + name.count + Int(size)
            guard bytes <= ExtendedAttributes.bytesMax, let value = input.bytes(Int(size)),
                Scope(of: name).map(scope.contains) ?? false,
                list.last.map({ $0.name.lexicographicallyPrecedes(name) }) ?? true
            else { return nil }
            list.append(ExtendedAttribute(name: name, value: value))
        }
        (self.scope, self.list) = (scope, list)
    }
}
