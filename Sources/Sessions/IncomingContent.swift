import Content
import Core
import Reconciliation
import Roots
import Wire

/// The content that a target has asked for: takes it off frames, checks it, puts it into the stage.
final class IncomingContent {
    /// Nil in a plan, to which no content comes.
    private let stage: Stage?
    private let preserved: Preserved
    private let decompressor = Decompressor()
    private var wanted: [Int: WantedFile] = [:]
    private var large: LargeFile?
    /// What earlier cycles left of files that are wanted.
    private var parts: [Int: PartialFile] = [:]
    /// Large files that did not come out as they should, to be asked for once more.
    private var spoiled: [Int] = []
    private var buffer: [UInt8] = []
    private var composed: [UInt8] = []
    private(set) var bytesWanted: UInt64 = 0

    private struct LargeFile {
        var index: Int
        var attributes: Attributes
        /// Nil when the file is spoiled: what still comes of it is passed over.
        var writer: StagedWriter?
        var nextOrdinal = 0
        var segments: [Digest] = []
        /// What stands here, once a part of it is asked for.
        var base: EarlierVersion?
    }

    init(stage: Stage?, _ preserved: Preserved) { (self.stage, self.preserved) = (stage, preserved) }

    var isEmpty: Bool { wanted.isEmpty }

    /// Returns how to ask for it. What is here of a large file is read for that.
    func expect(_ file: WantedFile) -> WantMessage.Item {
        wanted[file.index] = file
        bytesWanted += IncomingContent.weight(file)
        var item = WantMessage.Item(index: file.index, has: file.has, base: file.base)
        if let part = stage?.partial(of: file.path, file.attributes) {
            parts[file.index] = part
            item.received = WantMessage.Received(
                segments: part.digests.count, digest: ContentDigest.joining(part.digests))
        }
        return item
    }

    /// Takes a file off the list; a file that was not asked for breaks the protocol.
    func take(_ index: Int) throws(HeadwaterError) -> WantedFile {
        guard let file = wanted.removeValue(forKey: index) else {
            throw .protocolBroken(WireFault("content of change \(index) came unasked"))
        }
        bytesWanted -= IncomingContent.weight(file)
        if large?.index == index { large = nil }
        parts[index] = nil
        return file
    }

    /// How to ask for large files that have to come once more, whole.
    func takeSpoiled() -> [WantMessage.Item] {
        defer { spoiled = [] }
        return spoiled.map { WantMessage.Item(index: $0, has: nil, isAgain: true) }
    }

    /// Forgets what will not come any more.
    func dropAll() {
        (large, spoiled) = (nil, [])
        (wanted, parts) = ([:], [:])
        bytesWanted = 0
    }

    /// A large file weighs what one window of it does: its segments are bounded by the stream itself.
    private static func weight(_ file: WantedFile) -> UInt64 {
        min(file.attributes.size, 4 << 20) + 256 + UInt64(file.path.key.count)
    }

    // MARK: Frames

    /// Takes promises of content in the place of it.
    func accept(_ message: PromisedMessage) throws(HeadwaterError) -> [StagedStep] {
        guard stage == nil else { throw .protocolBroken(WireFault("promises in the place of content")) }
        var steps: [StagedStep] = []
        for file in message.files {
            let wanted = try take(file.index)
            let step = wanted.step(AgreedEntry(attributes: file.attributes, digest: file.digest))
            steps.append((step, StagedFile(promised: wanted.here(file.attributes, preserved))))
        }
        return steps
    }

    private func staging() throws(HeadwaterError) -> Stage {
        guard let stage else { throw .protocolBroken(WireFault("content in a session that only plans")) }
        return stage
    }

    /// Stages the files of one frame.
    func accept(_ message: ContentMessage) throws(HeadwaterError) -> [StagedStep] {
        let raw = try expand(message.body, message.isCompressed, to: message.rawBytes)
        var steps: [StagedStep] = []
        var offset = raw.startIndex
        for file in message.files {
            let wanted = try take(file.index)
            let content = raw[offset..<(offset + Int(file.attributes.size))]
            offset += content.count
            guard content.withUnsafeBytes({ Hash.digest($0) }) == file.digest else {
                throw .protocolBroken(WireFault("digest of change \(file.index) is wrong"))
            }
            let writer = try self.writer(wanted, file.attributes)
            try write(content, to: writer)
            steps.append(IncomingContent.planned(try writer.finish(), wanted, file))
        }
        return steps
    }

    /// Stages one segment; the step when it was the file's last.
    func accept(_ message: SegmentMessage) throws(HeadwaterError) -> StagedStep? {
        if message.ordinal == 0 || goesOn(message) { try begin(message) }
        guard var file = large, file.index == message.index, file.nextOrdinal == message.ordinal,
            file.attributes == message.attributes
        else {
            throw .protocolBroken(WireFault("segment \(message.ordinal) of change \(message.index) is out of place"))
        }
        large = nil
        if let writer = file.writer, try !take(message, of: &file, to: writer) { file.writer = nil }
        file.segments.append(message.digest)
        file.nextOrdinal += 1
        if !message.isLast {
            large = file
            return nil
        }
        guard let writer = file.writer else {
            wanted[message.index]?.base = nil
            spoiled.append(message.index)
            return nil
        }
        let sent = SentFile(
            index: file.index, attributes: file.attributes, digest: ContentDigest.joining(file.segments))
        return IncomingContent.planned(try writer.finish(), try take(message.index), sent)
    }

    /// Whether this is the first one of a file that begins behind what was here.
    private func goesOn(_ message: SegmentMessage) -> Bool {
        large?.index != message.index && parts[message.index]?.digests.count == message.ordinal
    }

    /// False where it was to be put together from what is here and did not come out right: what is here is not what it was taken for.
    private func take(_ message: SegmentMessage, of file: inout LargeFile, to writer: StagedWriter)
        throws(HeadwaterError) -> Bool
    {
        if message.isHole {
            guard Zeros.digest(count: message.rawBytes) == message.digest else { throw .wrongSegment(message.index) }
            try writer.skip(message.rawBytes)
            return true
        }
        var raw = try expand(message.body, message.isCompressed, to: message.newBytes)
        if !message.copies.isEmpty {
            guard let whole = try compose(message, &file, raw) else { return false }
            raw = whole
        }
        guard raw.withUnsafeBytes({ Hash.digest($0) }) == message.digest else {
            if message.copies.isEmpty { throw .wrongSegment(message.index) }
            return false
        }
        try write(raw, to: writer)
        return true
    }

    /// A segment of which parts stand here. Nil where they cannot be read. The buffer is used again by the next call.
    private func compose(_ message: SegmentMessage, _ file: inout LargeFile, _ new: ArraySlice<UInt8>)
        throws(HeadwaterError) -> ArraySlice<UInt8>?
    {
        guard let wanted = wanted[message.index], wanted.base != nil else {
            throw .protocolBroken(WireFault("parts of what was not said to be here, of change \(message.index)"))
        }
        if file.base == nil { file.base = try staging().earlier(wanted.path, wanted.expected) }
        guard let base = file.base else { return nil }
        if composed.isEmpty { composed = [UInt8](repeating: 0, count: ContentMessage.rawBytesMax) }
        let isRead = new.withUnsafeBytes { new in
            composed.withUnsafeMutableBytes { base.compose(message.copies, new, into: $0, count: message.rawBytes) }
        }
        return isRead ? composed[..<message.rawBytes] : nil
    }

    private func begin(_ message: SegmentMessage) throws(HeadwaterError) {
        large = nil
        guard let wanted = wanted[message.index] else {
            throw .protocolBroken(WireFault("content of change \(message.index) came unasked"))
        }
        let part = message.ordinal == 0 ? nil : parts[message.index]
        parts[message.index] = nil
        let sent = message.attributes
        if part != nil, sent.size != wanted.attributes.size || sent.mtime != wanted.attributes.mtime {
            throw .protocolBroken(WireFault("another file than what is here goes on behind it"))
        }
        large = LargeFile(
            index: message.index, attributes: sent,
            writer: try writer(wanted, sent, stored: message.storedBytes, after: part), nextOrdinal: message.ordinal,
            segments: part?.digests ?? [])
    }

    /// - Parameter stored: what the file takes on the disk at the source; 0 where it is not said, of small files.
    private func writer(
        _ wanted: WantedFile, _ sent: Attributes, stored: UInt64 = 0, after part: PartialFile? = nil
    ) throws(HeadwaterError) -> StagedWriter {
        let here = wanted.here(sent, preserved)
        let dressing = preserved.dressing(here, isNew: true)
        if sent.size < PartialFile.bytesMin { return try staging().file(here, dressing, stored: stored) }
        return try staging().file(here, dressing, stored: stored, of: sent, at: wanted.path, after: part)
    }

    static func planned(_ staged: StagedFile, _ wanted: WantedFile, _ sent: SentFile) -> StagedStep {
        (wanted.step(AgreedEntry(attributes: sent.attributes, digest: sent.digest)), staged)
    }

    private func write(_ content: ArraySlice<UInt8>, to writer: StagedWriter) throws(HeadwaterError) {
        var failure: HeadwaterError?
        content.withUnsafeBytes { raw in
            do throws(HeadwaterError) { try writer.write(raw) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// The raw bytes of a body. The buffer is used again by the next call.
    private func expand(_ body: ArraySlice<UInt8>, _ isCompressed: Bool, to count: Int) throws(HeadwaterError)
        -> ArraySlice<UInt8>
    {
        if !isCompressed { return body }
        if buffer.count < count { buffer = [UInt8](repeating: 0, count: max(count, ContentMessage.rawBytesMax)) }
        let isRight = body.withUnsafeBytes { source in
            buffer.withUnsafeMutableBytes {
                decompressor.decompress(source, into: UnsafeMutableRawBufferPointer(rebasing: $0[..<count]))
            }
        }
        guard isRight else { throw .protocolBroken(WireFault("compressed content is damaged")) }
        return buffer[..<count]
    }
}

extension HeadwaterError {
    fileprivate static func wrongSegment(_ index: Int) -> HeadwaterError {
        .protocolBroken(WireFault("digest of a segment of change \(index) is wrong"))
    }
}
