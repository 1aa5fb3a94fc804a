import Glibc

/// Makes trees entry by entry through directory descriptors, with times and modes set last, so that they hold.
///
/// Every entry gets a modification time of its own with odd nanoseconds unless `setTime` names one.
package final class TreeBuilder {
    private let root: Int32
    private var order: [[UInt8]] = []
    private var modes: [[UInt8]: UInt32] = [:]
    private var times: [[UInt8]: timespec] = [:]

    /// - Parameter path: an existing directory.
    package init(_ path: String) throws {
        root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard root >= 0 else {
            throw TreeListing.Failed(description: "open \(path): \(String(cString: strerror(errno)))")
        }
    }

    deinit { close(root) }

    package func directory(_ path: String) throws { try directory(Array(path.utf8)) }
    package func directory(_ path: [UInt8]) throws { try make(path, "mkdirat") { mkdirat($0, $1, 0o755) } }
    package func file(_ path: String, _ text: String) throws { try file(Array(path.utf8), Array(text.utf8)) }
    package func link(_ path: String, _ target: String) throws { try link(Array(path.utf8), Array(target.utf8)) }
    package func fifo(_ path: String) throws { try make(Array(path.utf8), "mkfifoat") { mkfifoat($0, $1, 0o644) } }
    package func setMode(_ path: String, _ mode: UInt32) { modes[Array(path.utf8)] = mode }

    package func setTime(_ path: String, _ seconds: Int, _ nanoseconds: Int) {
        times[Array(path.utf8)] = timespec(tv_sec: seconds, tv_nsec: nanoseconds)
    }

    package func file(_ path: [UInt8], _ content: [UInt8]) throws {
        try make(path, "file") { parent, name in
            let file = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
            guard file >= 0 else { return -1 }
            defer { close(file) }
            var done = 0
            while done < content.count {
                let put = content.withUnsafeBytes { write(file, $0.baseAddress! + done, $0.count - done) }
                guard put > 0 else { return -1 }
                done += put
            }
            return 0
        }
    }

    /// A file of holes with a little content in the middle and at the end.
    package func sparse(_ path: String, size: Int) throws {
        try make(Array(path.utf8), "sparse") { parent, name in
            let file = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
            guard file >= 0, ftruncate(file, size) == 0 else { return -1 }
            defer { close(file) }
            return pwrite(file, "middle", 6, size / 2) == 6 && pwrite(file, "end", 3, size - 3) == 3 ? 0 : -1
        }
    }

    package func link(_ path: [UInt8], _ target: [UInt8]) throws {
        try make(path, "symlinkat") { parent, name in withName(target) { symlinkat($0, parent, name) } }
    }

    /// A socket; bound through `/proc/self/fd`, since its address is limited to 107 bytes.
    package func socket(_ path: String) throws {
        try make(Array(path.utf8), "socket") { parent, name in
            let listener = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(listener) }
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { bytes in
                bytes.copyBytes(from: "/proc/self/fd/\(parent)/\(String(cString: name))".utf8.prefix(bytes.count - 1))
            }
            return withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
        }
    }

    /// Sets all modes and times, children before their parents.
    package func finish() throws {
        for (index, path) in order.enumerated().reversed() {
            let time = times[path] ?? timespec(tv_sec: 1_700_000_000 + index * 3600, tv_nsec: 123_456_789 + index)
            try at(path, "attributes") { parent, name in
                if let mode = modes[path], fchmodat(parent, name, mode, 0) != 0 { return -1 }
                return [time, time].withUnsafeBufferPointer {
                    utimensat(parent, name, $0.baseAddress!, AT_SYMLINK_NOFOLLOW)
                }
            }
        }
    }

    /// Bytes that do not compress, the same for the same seed.
    package static func noise(_ count: Int, seed: UInt64) -> [UInt8] {
        var random = SeededRandom(seed: seed)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 8)
        while bytes.count < count { withUnsafeBytes(of: random.next()) { bytes.append(contentsOf: $0) } }
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    private func make(_ path: [UInt8], _ what: String, _ body: (Int32, UnsafePointer<CChar>) throws -> Int32) throws {
        try at(path, what, body)
        order.append(path)
    }

    private func at(_ path: [UInt8], _ what: String, _ body: (Int32, UnsafePointer<CChar>) throws -> Int32) throws {
        var parent = dup(root)
        defer { close(parent) }
        let names = path.split(separator: UInt8(ascii: "/")).map(Array.init)
        for name in names.dropLast() {
            let below = withName(name) { openat(parent, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) }
            guard below >= 0 else { throw failed(what, path) }
            close(parent)
            parent = below
        }
        if try withName(names[names.count - 1], { try body(parent, $0) }) != 0 { throw failed(what, path) }
    }

    private func failed(_ what: String, _ path: [UInt8]) -> TreeListing.Failed {
        .init(description: "\(what) \(String(decoding: path, as: UTF8.self)): \(String(cString: strerror(errno)))")
    }
}

/// SplitMix64: the same sequence for the same seed, everywhere.
package struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
