/// An ordered, reliable stream of bytes in both directions between the two halves of a session.
///
/// Calls block the calling thread, never a cooperative one. One thread may read while others write. All failures are
/// `HeadwaterError`s; after one the stream is dead.
package protocol ByteStream: AnyObject, Sendable {
    /// Fills at most `buffer.count` bytes, waiting for at least one. 0 is the end of the stream.
    ///
    /// - Throws: `peer.silent` when nothing arrived for `silenceSeconds` while waiting here.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(HeadwaterError) -> Int

    /// Writes everything, waiting for room. Calls of several threads do not interleave.
    func write(_ bytes: UnsafeRawBufferPointer) throws(HeadwaterError)

    /// Whether `write` of a small frame would start without waiting; for heartbeats, which may be left out otherwise.
    var hasRoom: Bool { get }

    /// Ends the stream at once, waking whoever waits in `read` or `write`. May be called more than once.
    func close()
}

/// How long an end waits for anything from the other before it takes it for dead, and how often it says that it lives.
package enum Heartbeat {
    package static let everySeconds = 15
    package static let silenceSeconds = 45
}
