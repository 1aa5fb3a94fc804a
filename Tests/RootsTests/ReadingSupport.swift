import Core
import Foundation
import Glibc
import Platform
import TestSupport
import Testing

@testable import Roots

/// Makes trees through directory descriptors, so that names may be any bytes and paths of any length.
struct TreeMaker {
    let root: Descriptor

    init(_ path: String) throws {
        root = try Descriptor(at: Descriptor.workingDirectory, path, O_RDONLY | O_DIRECTORY)
    }

    /// Makes the directory and what is missing above it; returns its descriptor.
    @discardableResult
    func directory(_ path: TreePath) throws -> Descriptor {
        var current = root
        for component in path.components {
            let name = cName(component)
            mkdirat(current.raw, name, 0o755)
            current = try Descriptor(at: current.raw, name, O_RDONLY | O_DIRECTORY)
        }
        return current
    }

    func file(_ path: TreePath, _ content: [UInt8] = []) throws {
        let parent = try directory(path.parent)
        let file = try Descriptor(at: parent.raw, cName(path.name), O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
        try withExtendedLifetime((parent, file)) { try writeFully(file.raw, content) }
    }

    func file(_ slashed: String, _ content: [UInt8] = []) throws { try file(TreePath(slashed: slashed), content) }

    func symlink(_ slashed: String, to target: String) throws {
        let path = try TreePath(slashed: slashed)
        let parent = try directory(path.parent)
        _ = try withExtendedLifetime(parent) {
            try check("symlinkat") { symlinkat(target, parent.raw, cName(path.name)) }
        }
    }

    func fifo(_ slashed: String) throws {
        let path = try TreePath(slashed: slashed)
        let parent = try directory(path.parent)
        _ = try withExtendedLifetime(parent) { try check("mkfifoat") { mkfifoat(parent.raw, cName(path.name), 0o600) } }
    }
}

func cName(_ name: some Collection<UInt8>) -> [CChar] { name.map { CChar(bitPattern: $0) } + [0] }

/// Scans a directory by its path.
func scan(_ path: String, threads: Int = 2) throws -> TreeImage {
    var scanner = Scanner()
    scanner.threadsMax = threads
    return try scanner.scan(Descriptor(at: Descriptor.workingDirectory, path, O_RDONLY | O_DIRECTORY))
}

extension TreeImage {
    /// All paths as the cursor gives them.
    var paths: [TreePath] {
        var cursor = cursor()
        var paths: [TreePath] = []
        while cursor.next() { paths.append(cursor.path) }
        return paths
    }

    var slashedPaths: [String] { paths.map(\.description) }

    func request(_ slashed: String) throws -> ReadRequest {
        let path = try TreePath(slashed: slashed)
        let index = try #require(self.index(of: path), "\(slashed) is not in the image")
        return ReadRequest(path: path, attributes: attributes(at: index), identity: identity(at: index))
    }
}

/// Every path below `directory` as `find` sees it, sorted by components without the product's code.
func findAll(_ directory: String) throws -> [[ArraySlice<UInt8>]] {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/find")
    process.arguments = [directory, "-mindepth", "1", "-printf", "%P\\0"]
    let pipe = Foundation.Pipe()
    process.standardOutput = pipe
    try process.run()
    let output = [UInt8](pipe.fileHandleForReading.readDataToEndOfFile())
    process.waitUntilExit()
    return output.split(separator: 0).map { $0.split(separator: UInt8(ascii: "/")) }
        .sorted { a, b in
            for (x, y) in zip(a, b) where x != y { return x.lexicographicallyPrecedes(y) }
            return a.count < b.count
        }
}

var isRoot: Bool { geteuid() == 0 }
