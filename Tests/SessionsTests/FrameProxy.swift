import Core
import Platform
import Wire

@testable import Sessions

/// Stands between two ends, takes every frame apart and puts it together again: a hostile or broken end without writing one.
final class FrameProxy: Sendable {
    enum Way: Sendable { case toFar, toNear }

    /// What arrives in the place of a frame.
    typealias Body = @Sendable (Way, Frame) -> [Frame]

    private let body: Body
    private let streams = Monitor<[any ByteStream]>([])
    private let frozen = Monitor(false)
    private let isReleased = Monitor(false)

    init(_ body: @escaping Body) { self.body = body }

    /// Puts itself before `near`'s other end; returns the far one.
    func join(_ near: any ByteStream) -> any ByteStream {
        let (inner, far) = try! DescriptorStream.pair()
        let links = (FrameLink(near), FrameLink(inner))
        streams.update { $0 = [near, inner] }
        for way in [Way.toFar, .toNear] {
            let (from, to) = way == .toFar ? links : (links.1, links.0)
            let behind = way == .toFar ? inner : near
            _ = WorkerThread<Void>("test-proxy") { [self] in
                var receiver = FrameLink.Receiver(from)
                while let frame = try? receiver.nextOrPing() {
                    let replaced = body(way, frame)
                    if frozen.read({ $0 }) { return isReleased.wait { $0 ? () : nil } }
                    for frame in replaced { try to.send(frame.kind, frame.payload) }
                }
                behind.close()
            }
        }
        return far
    }

    /// From here on nothing is read from either end any more, as if the far one were stopped.
    func freeze() { frozen.update { $0 = true } }

    func end() {
        isReleased.update { $0 = true }
        for stream in streams.read({ $0 }) { stream.close() }
    }
}
