import Core
import Platform
import SSH

/// Copies the bytes of two streams to each other, without decoding them, until one of them ends.
final class Relay: Sendable {
    private static let bufferBytes = 256 << 10

    private let streams: [Channel]
    private let threads: [WorkerThread<Void>]

    init(_ one: Channel, _ other: Channel) {
        streams = [one, other]
        threads = [
            WorkerThread("relay") { Relay.copy(one, to: other) }, WorkerThread("relay") { Relay.copy(other, to: one) },
        ]
    }

    /// Ends both streams and waits for the threads.
    func end() {
        for stream in streams { stream.close() }
        for thread in threads { try? thread.join() }
    }

    /// The end of one way is passed on behind its last byte; a failure ends both.
    private static func copy(_ source: Channel, to target: Channel) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bufferBytes, alignment: 16)
        defer { buffer.deallocate() }
        do {
            while true {
                let count = try source.read(into: buffer)
                if count == 0 { return target.closeWrite() }
                try target.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
        } catch {
            source.close()
            target.close()
        }
    }
}
