import Core
import Glibc
import Platform

/// A client of ssh-agent (draft-miller-ssh-agent): lists keys and lets one sign. Never forwards anything.
///
/// Our own rather than libssh2's, which sends through the callbacks of the session and waits without a limit.
final class KeyAgent {
    struct Key: Sendable {
        var blob: [UInt8]
        var comment: String
    }

    private static let answerBytesMax = 256 * 1024
    private static let keysMax = 256
    private let socket: Descriptor

    /// - Throws: the system's error when nothing listens at `path`.
    init(path: String) throws(SystemError) { socket = try StreamSocket.connect(path: path, timeoutSeconds: 10) }

    /// Empty when the agent holds none or does not answer.
    func keys() -> [Key] {
        guard var answer = ask([11]), answer.byte() == 12, let count = answer.uint32(), count <= KeyAgent.keysMax else {
            return []
        }
        var found: [Key] = []
        for _ in 0..<count {
            guard let blob = answer.string(), let comment = answer.string() else { break }
            found.append(Key(blob: blob, comment: Printable.text(comment.prefix(100))))
        }
        return found
    }

    /// The bare signature, without the name of its method; nil when the agent refuses.
    func sign(_ bytes: UnsafeRawBufferPointer, with blob: [UInt8]) -> [UInt8]? {
        guard var answer = ask([13] + SSHBytes.string(blob) + SSHBytes.string(bytes) + SSHBytes.uint32(0)),
            answer.byte() == 14, let signature = answer.string()
        else { return nil }
        var reader = SSHBytes(signature)
        guard reader.string() != nil else { return nil }
        return reader.string()
    }

    private func ask(_ message: [UInt8]) -> SSHBytes? {
        do {
            try writeFully(socket.raw, SSHBytes.string(message))
            guard let header = try read(4) else { return nil }
            var reader = SSHBytes(header)
            guard let length = reader.uint32(), length <= KeyAgent.answerBytesMax else { return nil }
            return try read(length).map { SSHBytes($0) }
        } catch {
            return nil
        }
    }

    private func read(_ count: Int) throws(SystemError) -> [UInt8]? {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 1)
        defer { bytes.deallocate() }
        return try readFully(socket.raw, into: bytes) == count ? Array(bytes) : nil
    }
}
