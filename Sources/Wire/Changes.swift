import Core

/// What a record weighs in a frame.
extension ChangeRecord {
    static let overheadBytes = 48
    /// Beside the tags that are kinds of entries.
    fileprivate static let touchedTag: UInt8 = 16
    fileprivate static let conflictTag: UInt8 = 17

    /// No fewer bytes than the record takes in a frame.
    package var bytesEstimate: Int {
        var bytes = path.key.count + ChangeRecord.overheadBytes
        if case .symlink(let target, _, _) = state { bytes += target.count }
        if case .conflict(let conflict) = state { bytes += conflict.sidesBytes }
        return bytes + (attributes?.metadata?.bytes.count ?? 0)
    }
}

extension Conflict {
    /// No fewer bytes than its sides take in a frame.
    fileprivate var sidesBytes: Int {
        [ancestor, upstream, downstream].reduce(0) {
            $0 + ChangeRecord.overheadBytes + ($1?.attributes.metadata?.bytes.count ?? 0)
        }
    }
}

extension RowsMessage.Item {
    /// No fewer bytes than the row takes in a frame.
    package var bytesEstimate: Int {
        let fixed = path.key.count + ChangeRecord.overheadBytes
        switch state {
        case .gone: return fixed
        case .conflict(let conflict): return fixed + conflict.sidesBytes
        case .agreed(let agreed), .residue(let agreed), .withheld(let agreed), .kept(let agreed):
            return fixed + ChangeRecord.overheadBytes + (agreed.attributes.metadata?.bytes.count ?? 0)
        }
    }
}

/// `changes`: a run of records, paths shortened by what they share with the one before in the same frame.
package struct ChangesMessage: Sendable {
    /// A source sends records until a frame holds this many bytes.
    package static let bytesTarget = 256 * 1024
    package static let recordsMax = 8192
    /// Paths and link targets of one message come out at no more than this: they can be written far shorter than they are.
    package static let expandedBytesMax = 1 << 20
    package static let linkTargetBytesMax = 4095

    /// No more records but those that answer `ask`.
    package var isLast: Bool
    /// Answers one `ask`, record by record; its paths are in any order.
    package var isAnswer: Bool
    package var firstIndex: Int
    package var records: [ChangeRecord]

    package init(isLast: Bool, isAnswer: Bool, firstIndex: Int, records: [ChangeRecord]) {
        self.isLast = isLast
        self.isAnswer = isAnswer
        self.firstIndex = firstIndex
        self.records = records
    }

    package func encoded() -> [UInt8] {
        var out = ByteWriter(reserving: 64 + records.count * 32)
        out.put(isLast)
        out.put(isAnswer)
        out.put(firstIndex)
        out.put(records.count)
        var before: [UInt8] = []
        for record in records {
            out.put(path: record.path, after: before)
            before = record.path.key
            out.put(record.state)
        }
        return out.bytes
    }

    package init(decoding payload: [UInt8]) throws(WireFault) {
        var input = ByteReader(payload)
        isLast = try input.flag()
        isAnswer = try input.flag()
        firstIndex = try input.int(atMost: 1 << 40, "change index")
        let count = try input.int(atMost: ChangesMessage.recordsMax, "number of changes")
        records = []
        records.reserveCapacity(count)
        var before = TreePath.root
        var room = ChangesMessage.expandedBytesMax
        for position in 0..<count {
            let path = try input.path(after: before, &room)
            if path.isRoot { throw WireFault("a change of the root itself") }
            if position > 0 && !isAnswer && path <= before { throw WireFault("changes are not in scan order") }
            records.append(ChangeRecord(path: path, state: try input.changeState(of: path)))
            room -= records[position].bytesEstimate - path.key.count - ChangeRecord.overheadBytes
            before = path
        }
        try input.finish()
    }
}

/// Beside the kind of an entry, in the byte that it stands in.
private enum MetadataTag {
    static let follows: UInt8 = 0x20
    /// The same that came last in the message.
    static let asBefore: UInt8 = 0x40
    static let mask: UInt8 = 0x60
}

extension ByteWriter {
    mutating func put(path: TreePath, after before: [UInt8]) {
        let key = path.key
        var shared = 0
        let bound = min(key.count, before.count)
        while shared < bound && key[shared] == before[shared] { shared += 1 }
        put(shared)
        put(key[shared...])
    }

    /// Metadata is written once for all that have the same one after the other in a message.
    mutating func put(_ attributes: Attributes) {
        let metadata = attributes.metadata
        let isAsBefore = metadata != nil && metadata == metadataBefore
        put(attributes.kind.rawValue | (metadata == nil ? 0 : isAsBefore ? MetadataTag.asBefore : MetadataTag.follows))
        put(unsigned: UInt64(attributes.mode))
        put(unsigned: attributes.size)
        put(attributes.mtime)
        guard let metadata, !isAsBefore else { return }
        put(metadata.bytes)
        metadataBefore = metadata
    }

    /// What content comes with.
    mutating func put(withoutMetadata attributes: Attributes) {
        var bare = attributes
        bare.metadata = nil
        put(bare)
    }

    mutating func put(_ agreed: AgreedEntry) {
        put(agreed.attributes)
        put(agreed.digest) { $0.put($1) }
    }

    /// Without its path.
    mutating func put(_ conflict: Conflict) {
        for side in [conflict.ancestor, conflict.upstream, conflict.downstream] { put(side) { $0.put($1) } }
        put(conflict.since)
    }

    fileprivate mutating func put(_ state: ChangeRecord.State) {
        switch state {
        case .absent: put(UInt8(0))
        case .file(let attributes): put(attributes)
        case .touchedFile(let attributes):
            put(ChangeRecord.touchedTag)
            put(attributes)
        case .conflict(let conflict):
            put(ChangeRecord.conflictTag)
            put(conflict)
        case .directory(let mode, let mtime, let metadata):
            put(Attributes(kind: .directory, mode: mode, size: 0, mtime: mtime, metadata: metadata))
        case .symlink(let target, let mtime, let metadata):
            put(
                Attributes(
                    kind: .symlink, mode: 0, size: UInt64(target.count), mtime: mtime, metadata: metadata))
            put(target)
        }
    }
}

extension ByteReader {
    /// - Parameter room: bytes that the paths of this message may still have; less by this one.
    mutating func path(after before: TreePath, _ room: inout Int) throws(WireFault) -> TreePath {
        let shared = try int(atMost: before.key.count, "shared path bytes")
        let rest = try data(atMost: TreePath.bytesMax, "path")
        room -= shared + rest.count
        if room < 0 { throw WireFault("paths of more than \(ChangesMessage.expandedBytesMax) bytes in a message") }
        do { return try TreePath(validating: before.key[..<shared] + rest) } catch {
            throw WireFault("not a path: \(error)")
        }
    }

    mutating func attributes() throws(WireFault) -> Attributes {
        try attributes(kind: try byte())
    }

    /// What content comes with: those of a file, without metadata.
    mutating func contentAttributes() throws(WireFault) -> Attributes {
        let attributes = try attributes()
        if attributes.kind != .file { throw WireFault("content of what is not a file") }
        if attributes.metadata != nil { throw WireFault("metadata beside content") }
        return attributes
    }

    mutating func agreedEntry() throws(WireFault) -> AgreedEntry {
        AgreedEntry(attributes: try attributes(), digest: try optional { (r) throws(WireFault) in try r.digest() })
    }

    /// - Throws: also for a conflict of nothing with nothing.
    mutating func conflict(at path: TreePath) throws(WireFault) -> Conflict {
        let ancestor = try optional { (r) throws(WireFault) in try r.agreedEntry() }
        let upstream = try optional { (r) throws(WireFault) in try r.agreedEntry() }
        let downstream = try optional { (r) throws(WireFault) in try r.agreedEntry() }
        if upstream == nil && downstream == nil { throw WireFault("a conflict of nothing with nothing") }
        return Conflict(
            path: path, ancestor: ancestor, upstream: upstream, downstream: downstream, since: try time())
    }

    private mutating func attributes(kind raw: UInt8) throws(WireFault) -> Attributes {
        let tag = raw & MetadataTag.mask
        guard let kind = EntryKind(rawValue: raw & ~MetadataTag.mask), kind.isSynced, tag != MetadataTag.mask else {
            throw WireFault("entry kind \(raw)")
        }
        let mode = UInt16(try unsigned(atMost: 0o7777, "mode"))
        let size = try unsigned(atMost: UInt64(Int64.max), "size")
        if kind == .directory && size != 0 { throw WireFault("a directory with a size") }
        var attributes = Attributes(kind: kind, mode: mode, size: size, mtime: try time())
        if tag != 0 { attributes.metadata = try metadata(isAsBefore: tag == MetadataTag.asBefore) }
        return attributes
    }

    private mutating func metadata(isAsBefore: Bool) throws(WireFault) -> Metadata {
        if isAsBefore {
            guard let metadataBefore else { throw WireFault("metadata as before, where there was none") }
            return metadataBefore
        }
        guard let metadata = Metadata(validating: try data(atMost: Metadata.bytesMax, "metadata")) else {
            throw WireFault("metadata of odd form")
        }
        metadataBefore = metadata
        return metadata
    }

    fileprivate mutating func changeState(of path: TreePath) throws(WireFault) -> ChangeRecord.State {
        let raw = try byte()
        if raw == 0 { return .absent }
        if raw == ChangeRecord.conflictTag { return .conflict(try conflict(at: path)) }
        if raw == ChangeRecord.touchedTag {
            let attributes = try attributes()
            if attributes.kind != .file { throw WireFault("content as agreed of what is no file") }
            return .touchedFile(attributes)
        }
        let attributes = try attributes(kind: raw)
        switch attributes.kind {
        case .directory:
            return .directory(mode: attributes.mode, mtime: attributes.mtime, metadata: attributes.metadata)
        case .symlink:
            let target = try data(atMost: ChangesMessage.linkTargetBytesMax, "link target")
            if target.isEmpty || target.contains(0) { throw WireFault("link target is empty or holds NUL") }
            return .symlink(target: Array(target), mtime: attributes.mtime, metadata: attributes.metadata)
        default: return .file(attributes)
        }
    }
}
