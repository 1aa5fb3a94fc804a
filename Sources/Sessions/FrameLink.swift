import Content
import Core
import Platform
import Wire

/// Frames over a byte stream: many threads may send, one receives. All failures are `HeadwaterError`s.
final class FrameLink: Sendable {
    private let stream: any ByteStream
    private let sending: Monitor<SendingTurn>
    private let traffic = Monitor(Traffic())
    private let signs = Monitor(Life())
    /// Written at a time, so that a slow link shows that it goes on.
    private static let pieceBytes = 64 * 1024

    struct Traffic: Sendable {
        var sent: UInt64 = 0
        var received: UInt64 = 0
        /// Frames but pings.
        var framesSent: UInt64 = 0
    }

    /// Moments of the monotonic clock.
    struct Life: Sendable {
        /// Bytes came in, of whatever frame.
        var heardAt = MonotonicClock.now
        /// A frame came in that is more than a sign of life.
        var heardFrameAt = MonotonicClock.now
        /// The stream took bytes, but pings.
        var writtenAt = MonotonicClock.now
        /// A thread is waiting for the stream to take something.
        var writingSince: UInt64?
        /// As its last ping said.
        var peerIsWaiting = false
    }

    /// Who holds the turn writes; frames leave in the order of their sequence numbers, and no lock is held over a write.
    private struct SendingTurn: Sendable {
        var isTaken = false
        var codec = FrameCodec { Hash.xxh3($0) }
    }

    init(_ stream: any ByteStream) {
        self.stream = stream
        sending = Monitor(SendingTurn())
    }

    var counted: Traffic { traffic.read { $0 } }
    var life: Life { signs.read { $0 } }

    /// Sends one frame, waiting for its turn and for room on the stream.
    func send(_ kind: Frame.Kind, _ payload: [UInt8] = []) throws(HeadwaterError) {
        let header = sending.wait { turn -> [UInt8]? in
            if turn.isTaken { return nil }
            turn.isTaken = true
            return payload.withUnsafeBytes { turn.codec.header(kind, $0) }
        }
        defer { sending.update { $0.isTaken = false } }
        if kind != .ping { signs.read { $0.writingSince = MonotonicClock.now } }
        defer { signs.read { $0.writingSince = nil } }
        if payload.count < FrameLink.pieceBytes {
            try write((header + payload)[...])
        } else {
            try write(header[...])
            for start in stride(from: 0, to: payload.count, by: FrameLink.pieceBytes) {
                try write(payload[start..<min(start + FrameLink.pieceBytes, payload.count)])
            }
        }
        traffic.read {
            $0.sent += UInt64(Frame.headerBytes + payload.count)
            if kind != .ping { $0.framesSent += 1 }
        }
    }

    /// A sign of life, left out while something is being sent or the stream is full: then the other end has enough to read.
    func sendPing(_ standing: PingMessage) {
        if stream.hasRoom && !sending.read({ $0.isTaken }) { try? send(.ping, standing.encoded()) }
    }

    func note(_ ping: PingMessage) { signs.read { $0.peerIsWaiting = ping.isWaiting } }

    func close() { stream.close() }

    private func write(_ bytes: ArraySlice<UInt8>) throws(HeadwaterError) {
        var failure: HeadwaterError?
        bytes.withUnsafeBytes { raw in
            do throws(HeadwaterError) { try stream.write(raw) } catch { failure = error }
        }
        if let failure { throw failure }
        noteWritten()
    }

    /// Pings do not count: they are small enough to be taken by a stream that nobody reads.
    private func noteWritten() {
        signs.read { life in
            if life.writingSince == nil { return }
            life.writtenAt = MonotonicClock.now
            life.writingSince = life.writtenAt
        }
    }

    private static func result(
        _ codec: FrameCodec, _ header: UnsafeRawBufferPointer
    ) -> Result<(kind: Frame.Kind, payloadBytes: Int), WireFault> {
        do throws(WireFault) { return .success(try codec.announced(header)) } catch { return .failure(error) }
    }

    /// The receiving side; one thread.
    struct Receiver {
        private let link: FrameLink
        private var codec = FrameCodec { Hash.xxh3($0) }

        init(_ link: FrameLink) { self.link = link }

        /// Waits for the next frame that is more than a sign of life.
        mutating func next() throws(HeadwaterError) -> Frame {
            while true {
                let frame = try nextOrPing()
                if frame.kind != .ping { return frame }
            }
        }

        /// Waits for the next frame, pings among them.
        ///
        /// - Throws: `peer.lost` at the end of the stream, `peer.silent`, `peer.protocol`.
        mutating func nextOrPing() throws(HeadwaterError) -> Frame {
            let header = try fill(Frame.headerBytes)
            let announced = header.withUnsafeBytes { FrameLink.result(codec, $0) }
            let (kind, count) = try decoding { () throws(WireFault) in try announced.get() }
            let payload = count == 0 ? [] : try fill(count)
            let fault = payload.withUnsafeBytes { codec.fault(in: header, $0) }
            if let fault { throw .protocolBroken(fault) }
            link.traffic.read { $0.received += UInt64(Frame.headerBytes + count) }
            if kind != .ping { link.signs.read { $0.heardFrameAt = MonotonicClock.now } }
            return Frame(kind, payload)
        }

        private func fill(_ count: Int) throws(HeadwaterError) -> [UInt8] {
            var failure: HeadwaterError?
            let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
                let raw = UnsafeMutableRawBufferPointer(buffer)
                do throws(HeadwaterError) {
                    while filled < count {
                        let got = try link.stream.read(into: UnsafeMutableRawBufferPointer(rebasing: raw[filled...]))
                        if got == 0 { throw HeadwaterError.peerLost }
                        filled += got
                        link.signs.read { $0.heardAt = MonotonicClock.now }
                    }
                } catch { failure = error }
            }
            if let failure { throw failure }
            return bytes
        }
    }
}

extension HeadwaterError {
    static let protocolCode = "peer.protocol"

    static func protocolBroken(_ fault: WireFault) -> HeadwaterError {
        HeadwaterError(
            "peer.protocol", "the other end broke the protocol: \(fault)",
            remedy: "see that both ends run the same version; if they do, report this as a bug")
    }

    /// Only who opened the session has an operator who could ask for that.
    static var stoppedUnasked: HeadwaterError { .protocolBroken(WireFault("stop, which nobody here asked for")) }

    static var peerLost: HeadwaterError {
        HeadwaterError(
            "peer.lost", "the other end closed the connection in the middle of the cycle",
            remedy: "run again: it goes on from what is recorded; look at the far host if it happens twice",
            exit: .unreachable,
            isTransient: true)
    }
}
