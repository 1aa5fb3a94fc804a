import Content
import Core
import Glibc
import Platform

/// The local `headwater-agent` that far hosts are to run: what identifies it and where it stands over there.
package struct AgentBinary: Sendable {
    /// Larger is no agent.
    private static let bytesMax = 256 << 20

    package let path: String
    package let version: String
    /// SHA-256, lower-case hexadecimal.
    package let digest: String
    package let size: Int
    /// As `uname -m` names the machine that it is built for.
    package let architecture: String

    /// Reads and digests the whole file, piece by piece: once per process, it takes some 20 ms. Blocks.
    ///
    /// - Parameter version: `[A-Za-z0-9._-]+`.
    /// - Throws: `agent.missing` when there is no such file, `agent.binary` when it is no 64-bit ELF program.
    package init(path: String, version: String) throws(HeadwaterError) {
        precondition(version.utf8.allSatisfy(ShellCommand.isPlain) && !version.isEmpty, "a version is a plain word")
        let read: (head: [UInt8], size: Int, digest: [UInt8])
        do {
            read = try AgentBinary.digested(path)
        } catch {
            throw HeadwaterError(
                "agent.missing", "the agent \(path) that far hosts are to run cannot be read",
                remedy: "install headwater-agent beside headwater: make install", cause: error.description)
        }
        let head = read.head
        guard head.count > 20, head.starts(with: [0x7F, 0x45, 0x4C, 0x46, 2, 1]) else {
            throw HeadwaterError(
                "agent.binary", "\(path) is no 64-bit Linux program",
                remedy: "install headwater-agent beside headwater: make install")
        }
        self.path = path
        self.version = version
        size = read.size
        let machine = Int(head[18]) | Int(head[19]) << 8
        architecture =
            [62: "x86_64", 183: "aarch64", 243: "riscv64", 22: "s390x", 21: "ppc64le"][machine] ?? "ELF \(machine)"
        digest = read.digest.hex
    }

    /// The first bytes of the file, its size and its SHA-256; EFBIG for one that is no agent.
    private static func digested(_ path: String) throws(SystemError) -> (head: [UInt8], size: Int, digest: [UInt8]) {
        let file = try Descriptor(at: Descriptor.workingDirectory, path, O_RDONLY | O_NONBLOCK)
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
        defer { piece.deallocate() }
        var digest = SHA256()
        var head: [UInt8] = []
        var size = 0
        while case let got = try readFully(file.raw, into: piece), got > 0 {
            let bytes = UnsafeRawBufferPointer(rebasing: piece[..<got])
            if size == 0 { head = Array(bytes.prefix(64)) }
            digest.update(bytes)
            size += got
            if size > bytesMax { throw SystemError("read", EFBIG) }
        }
        return (head, size, digest.finish())
    }

    /// The directory beneath the far cache directory.
    var directoryName: String { "\(version)-\(digest.prefix(16))" }
}

/// Commands that any login shell (sh, bash, zsh, fish, csh) hands on unharmed to a POSIX sh.
enum ShellCommand {
    /// Letters, digits and what paths and options are made of: means itself in every shell.
    static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "-_./:=@%+,".utf8.contains(byte)
        }
    }

    /// `exec /bin/sh -c '…' sh ARGUMENTS`, on one line.
    ///
    /// - Parameters:
    ///   - script: without single quotes, backslashes, exclamation marks and line ends, which shells treat differently.
    ///   - arguments: plain words; become `$1`, `$2`, ….
    static func posix(_ script: String, _ arguments: [String] = []) -> String {
        precondition(
            script.utf8.allSatisfy { $0 >= 0x20 && !"'\\!".utf8.contains($0) }, "a script that every shell leaves alone"
        )
        precondition(arguments.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy(isPlain) }, "plain arguments")
        return (["exec /bin/sh -c '\(script)' sh"] + arguments).joined(separator: " ")
    }
}
