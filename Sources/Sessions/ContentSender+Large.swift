import Content
import Core
import Platform
import Roots
import Wire

/// How large files are sent: segment by segment, in the place of what the target has of an earlier version where each part is there.
extension ContentSender {
    struct LargeFile {
        var index: Int
        var request: ReadRequest
        /// What the target has there.
        var base: Digest?
        /// Nil where every segment is sent whole.
        var delta: FileDelta?
        var ordinal = 0
        var tries = 1
        var segments: [Digest] = []
    }

    func begin(_ item: WantMessage.Item, _ request: ReadRequest, _ changes: inout [Int: Source.Announced])
        throws(HeadwaterError)
    {
        if purpose.isPlan { return try promise([item], &changes) }
        let delta = item.base.flatMap { compared(request, with: $0) }
        if let has = item.has, has == delta?.digest || (delta == nil && isContent(has, of: request)) {
            let file = sent(item.index, request.attributes, request.identity, has, isThere: true, &changes)
            try link.send(.same, SameMessage(files: [file]).encoded())
            return
        }
        if let lent, case .success(let file) = reader.open(request) {
            lent.lend(LentFiles.File(descriptor: file, identity: request.identity), as: item.index)
            bytesDone += request.attributes.size
            let file = SentFile(
                index: item.index, attributes: told(request.attributes, changes[item.index]),
                digest: Digest(high: 0, low: 0))
            return try link.send(.lent, SameMessage(files: [file]).encoded())
        }
        large = LargeFile(index: item.index, request: request, base: item.base, delta: delta)
        if let received = item.received { resume(received) }
    }

    /// What a file has in common with what the target has; nil where that cannot be told.
    private func compared(_ request: ReadRequest, with base: Digest) -> FileDelta? {
        guard case .success(let delta) = reader.delta(request, from: base, isEnding) else { return nil }
        return delta
    }

    private func isContent(_ digest: Digest, of request: ReadRequest) -> Bool {
        if case .success(digest) = reader.digest(request) { true } else { false }
    }

    private func firstDigests(_ count: Int, of file: LargeFile) -> [Digest]? {
        if let delta = file.delta { return Array(delta.segments.prefix(count)) }
        return try? reader.segmentDigests(file.request, count: count).get()
    }

    /// Goes on behind what the target has of the file, where that is what the file begins with.
    private func resume(_ received: WantMessage.Received) {
        guard var file = large, received.segments < SegmentMessage.count(for: file.request.attributes.size),
            let digests = firstDigests(received.segments, of: file), ContentDigest.joining(digests) == received.digest
        else { return }
        (file.ordinal, file.segments) = (received.segments, digests)
        large = file
    }

    func sendSegment(_ changes: inout [Int: Source.Announced]) throws(HeadwaterError) {
        var file = large!
        large = nil
        switch reader.segment(file.request, index: file.ordinal, in: file.delta) {
        case .success(let segment):
            let attributes = told(file.request.attributes, changes[file.index])
            let message = SegmentMessage(
                index: file.index, ordinal: file.ordinal, attributes: attributes, digest: segment.digest,
                isCompressed: segment.isCompressed, isHole: segment.isHole, storedBytes: segment.storedBytes,
                copies: segment.copies, body: segment.payload[...])
            file.segments.append(segment.digest)
            bytesDone += UInt64(segment.rawSize)
            if message.isLast {
                let identity = file.request.identity
                changes[file.index]?.sent = Source.SentContent(
                    attributes: attributes, digest: ContentDigest.joining(file.segments),
                    identity: kept(identity))
            } else {
                file.ordinal += 1
                large = file
            }
            try link.send(.segment, message.encoded())
        case .failure(let fault): try retry(file, after: fault, &changes)
        }
    }

    /// A large file that changed while it was read is begun again as it is now, three times; then it is a problem of this cycle.
    private func retry(_ file: LargeFile, after fault: ReadFault, _ changes: inout [Int: Source.Announced])
        throws(HeadwaterError)
    {
        large = nil
        if fault == .changed && file.tries < 3, let fresh = refreshed(file.request),
            fresh.attributes.size > UInt64(ContentMessage.rawBytesMax)
        {
            let delta = file.base.flatMap { compared(fresh, with: $0) }
            large = LargeFile(
                index: file.index, request: fresh, base: file.base, delta: delta, tries: file.tries + 1)
        } else {
            try fail(file.index, file.request.path, fault, &changes)
        }
    }

    private func refreshed(_ request: ReadRequest) -> ReadRequest? {
        guard
            let status = try? cursor.withName(
                request.path, { directory, name throws(SystemError) in try FileStatus(at: directory, name) }),
            status.kind == .file
        else { return nil }
        return ReadRequest(path: request.path, attributes: status.attributes, identity: status.identity)
    }
}
