import Glibc

/// Everything below a directory as the kernel tells it, read by a walk that shares nothing with the product.
///
/// Kinds that are not synced and every `.headwater` are left out, and so are the attributes of the top directory itself.
package struct TreeListing: Sendable {
    package struct Node: Hashable, Sendable {
        /// `f`, `d` or `l`.
        package var kind: Character
        package var mode: UInt32
        package var seconds: Int
        package var nanoseconds: Int
        package var size: Int
        /// The bytes of a file, the target of a link.
        package var content: [UInt8]

        /// A directory's size says nothing about it.
        init(kind: Character, status: stat, content: [UInt8]) {
            self.kind = kind
            mode = status.st_mode & 0o7777
            seconds = status.st_mtim.tv_sec
            nanoseconds = status.st_mtim.tv_nsec
            size = kind == "d" ? 0 : Int(status.st_size)
            self.content = content
        }
    }

    package struct Failed: Error, CustomStringConvertible {
        package var description: String
        package init(description: String) { self.description = description }
    }

    package private(set) var nodes: [[UInt8]: Node] = [:]

    /// Walks `path`. Blocks; a tree must not change meanwhile, except through renames of whole files.
    package init(_ path: String) throws {
        let top = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard top >= 0 else { throw Failed(description: "open \(path): \(String(cString: strerror(errno)))") }
        try walk(top, [])
    }

    /// The entries whose kind, mode, time, size, content or link target differ, each with what differs.
    package func differences(from other: TreeListing, limit: Int = 20) -> [String] {
        var found: [String] = []
        for key in Set(nodes.keys).union(other.nodes.keys).sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            guard nodes[key] != other.nodes[key] else { continue }
            let name = String(decoding: key, as: UTF8.self).debugDescription
            found.append("\(name.suffix(120)): \(Self.explain(nodes[key], other.nodes[key]))")
            if found.count == limit { break }
        }
        return found
    }

    package subscript(_ path: String) -> Node? { nodes[Array(path.utf8)] }
    package var files: Int { nodes.values.count { $0.kind == "f" } }
    package var directories: Int { nodes.values.count { $0.kind == "d" } }
    package var symlinks: Int { nodes.values.count { $0.kind == "l" } }
    package var bytes: Int { nodes.values.reduce(0) { $0 + ($1.kind == "f" ? $1.size : 0) } }

    private static func explain(_ left: Node?, _ right: Node?) -> String {
        guard let left else { return "only at the second" }
        guard let right else { return "only at the first" }
        var parts: [String] = []
        if left.kind != right.kind { parts.append("kind \(left.kind) / \(right.kind)") }
        if left.mode != right.mode {
            parts.append("mode \(String(left.mode, radix: 8)) / \(String(right.mode, radix: 8))")
        }
        if (left.seconds, left.nanoseconds) != (right.seconds, right.nanoseconds) {
            parts.append("mtime \(left.seconds).\(left.nanoseconds) / \(right.seconds).\(right.nanoseconds)")
        }
        if left.size != right.size { parts.append("size \(left.size) / \(right.size)") }
        if left.content != right.content { parts.append("content") }
        return parts.joined(separator: ", ")
    }

    /// Owns `directory`; relative calls only, so that no path is too long.
    private mutating func walk(_ directory: Int32, _ prefix: [UInt8]) throws {
        guard let stream = fdopendir(directory) else { throw failed("fdopendir", prefix) }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: UInt8.self, capacity: 256) {
                    Array(UnsafeBufferPointer(start: $0, count: strlen($0)))
                }
            }
            if name == Array(".".utf8) || name == Array("..".utf8) || name == Array(".headwater".utf8) { continue }
            try add(name, in: directory, prefix.isEmpty ? name : prefix + [UInt8(ascii: "/")] + name)
        }
    }

    private mutating func add(_ name: [UInt8], in directory: Int32, _ path: [UInt8]) throws {
        try withName(name) { name in
            var status = stat()
            guard fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
                if errno == ENOENT { return }
                throw failed("fstatat", path)
            }
            switch status.st_mode & S_IFMT {
            case S_IFDIR:
                nodes[path] = Node(kind: "d", status: status, content: [])
                let below = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                guard below >= 0 else { throw failed("openat", path) }
                try walk(below, path)
            case S_IFLNK:
                var target = [UInt8](repeating: 0, count: 8192)
                let length = target.withUnsafeMutableBytes {
                    readlinkat(directory, name, $0.baseAddress!.assumingMemoryBound(to: CChar.self), 8192)
                }
                nodes[path] = Node(kind: "l", status: status, content: Array(target.prefix(max(0, length))))
            case S_IFREG:
                nodes[path] = try readFile(name, in: directory, path)
            default: break
            }
        }
    }

    /// One open file, so that a rename in between cannot mix two versions.
    private func readFile(_ name: UnsafePointer<CChar>, in directory: Int32, _ path: [UInt8]) throws -> Node? {
        let file = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw failed("openat", path)
        }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw failed("fstat", path) }
        var content = [UInt8](repeating: 0, count: Int(status.st_size))
        var done = 0
        while done < content.count {
            let got = content.withUnsafeMutableBytes { read(file, $0.baseAddress! + done, $0.count - done) }
            guard got > 0 else { throw failed("read", path) }
            done += got
        }
        return Node(kind: "f", status: status, content: content)
    }

    private func failed(_ call: String, _ path: [UInt8]) -> Failed {
        Failed(description: "\(call) \(String(decoding: path, as: UTF8.self)): \(String(cString: strerror(errno)))")
    }
}

/// Calls `body` with a name of bytes as the C library wants it.
func withName<R>(_ name: [UInt8], _ body: (UnsafePointer<CChar>) throws -> R) rethrows -> R {
    try (name + [0]).withUnsafeBytes { try body($0.baseAddress!.assumingMemoryBound(to: CChar.self)) }
}
