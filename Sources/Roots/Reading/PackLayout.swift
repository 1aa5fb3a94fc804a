import Content
import Core
import Glibc

/// Where the members of a pack lie in its buffer: those that may compress from the front on, those that look like noise behind them.
///
/// While the pack is being filled the noise is kept at the end of the buffer, the last member first.
struct PackLayout {
    private let buffer: UnsafeMutableRawBufferPointer
    private var front = 0
    private var noiseStart: Int

    /// - Parameter buffer: must stay as long as the layout does.
    init(_ buffer: UnsafeMutableRawBufferPointer) {
        self.buffer = buffer
        noiseStart = buffer.count
    }

    /// Where the next member is to be read to.
    ///
    /// - Parameter promised: bytes that members after it will need.
    func room(leaving promised: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: buffer[front..<(noiseStart - promised)])
    }

    /// Takes the member that lies in the first `size` bytes of the room. Its offset holds once `close` has seen it.
    mutating func add(_ size: Int) -> (digest: Digest, offset: Int) {
        let content = UnsafeRawBufferPointer(rebasing: buffer[front..<(front + size)])
        let digest = Hash.digest(content)
        guard Compressor.looksLikeNoise(content) else {
            defer { front += size }
            return (digest, front)
        }
        noiseStart -= size
        memmove(buffer.baseAddress! + noiseStart, content.baseAddress!, size)
        return (digest, noiseStart)
    }

    /// Moves the noise to where the rest ends, and the offsets of its members with it. Returns the bytes of all.
    func close(_ members: inout [Pack.Member]) -> Int {
        let noiseBytes = buffer.count - noiseStart
        if noiseBytes == 0 { return front }
        memmove(buffer.baseAddress! + front, buffer.baseAddress! + noiseStart, noiseBytes)
        for index in members.indices {
            guard case .read(let attributes, let identity, let digest, let offset, let size) = members[index],
                offset >= noiseStart
            else { continue }
            members[index] = .read(
                attributes: attributes, identity: identity, digest: digest, offset: offset - noiseStart + front,
                size: size)
        }
        return front + noiseBytes
    }
}
