import Content
import Core
import Platform
import Reconciliation
import Roots
import Wire

/// Serves the wants of one target from the root's content cache: small files in packs, large ones segment by segment.
///
/// Packs are cut where the *changes* say, not where wants happen to arrive, so that every session of a root asks its cache for the
/// same packs: at `ContentMessage.rawBytesMax`, and, so that sessions whose changes differ fall into step again, where the digest of a
/// path says so (content-defined, as chunks are).
final class ContentSender {
    private static let membersMax = 1024
    private static let cutFromBytes = 128 * 1024

    let reader: CacheReader
    let link: FrameLink
    private let end: SessionEnd
    let isEnding: () -> Bool
    private var preserved: Preserved { end.preserved }
    /// Where the target is in this process.
    let lent: LentFiles?
    let purpose: SessionPurpose
    let cursor: TreeCursor
    private var wants: [WantMessage.Item] = []
    private var comparisons: [WantMessage.Item] = []
    /// Large files that are wanted once more.
    private var again: [WantMessage.Item] = []
    private var head = 0
    var large: LargeFile?
    private var packNumber = 0
    private var packBytes: UInt64 = 0
    private var packMembers = 0
    /// Of the members' paths: a pack must fit into a target's window with all that it weighs there.
    private var packPathBytes = 0
    /// The index behind the last change of each pack that is still asked for, by pack number.
    private var packEnds: [Int: Int] = [:]
    var bytesDone: UInt64 = 0

    /// - Parameter isEnding: asked while a large file is read before it is sent.
    init(link: FrameLink, _ end: SessionEnd, isEnding: @escaping () -> Bool) {
        (self.link, self.end, lent, purpose) = (link, end, end.lent, end.purpose)
        self.isEnding = isEnding
        reader = end.root.cache.openReader()
        cursor = TreeCursor(root: end.root.descriptor.raw)
    }

    func close() { reader.close() }

    // MARK: Packs

    /// The pack that the change at `index` belongs to.
    func pack(for record: ChangeRecord, at index: Int) -> Int {
        guard let attributes = record.attributes, attributes.kind == .file,
            attributes.size <= UInt64(ContentMessage.rawBytesMax)
        else { return -1 }
        if packBytes + attributes.size > UInt64(ContentMessage.rawBytesMax) || packMembers >= ContentSender.membersMax
            || packPathBytes >= ContentMessage.rawBytesMax
        {
            closePack(at: index)
        }
        packBytes += attributes.size
        packMembers += 1
        packPathBytes += record.path.key.count
        let number = packNumber
        if packBytes >= UInt64(ContentSender.cutFromBytes)
            && record.path.key.withUnsafeBytes({ Hash.xxh3($0) }) & 15 == 0
        {
            closePack(at: index + 1)
        }
        return number
    }

    /// Ends the pack that is being filled: `index` is the first change that does not belong to it.
    func closePack(at index: Int) {
        if packMembers == 0 { return }
        packEnds[packNumber] = index
        packNumber += 1
        packBytes = 0
        packMembers = 0
        packPathBytes = 0
    }

    // MARK: Serving

    func enqueue(_ item: WantMessage.Item) {
        if item.isComparison {
            comparisons.append(item)
        } else if item.isAgain {
            again.append(item)
        } else {
            wants.append(item)
        }
    }

    /// What an inode is to be remembered by, if it can be.
    func kept(_ identity: LocalIdentity) -> LocalIdentity? { end.kept(identity) }

    func dropAll() {
        (comparisons, again, wants) = ([], [], [])
        head = 0
        large = nil
    }

    /// Sends the next frame of content; false when nothing is due.
    ///
    /// A pack is due when the target has decided all its members. Until then large files pass it: they may be what fills the target's
    /// window, and so what keeps it from deciding.
    func serveNext(decidedBefore: Int, in changes: inout [Int: Source.Announced]) throws(HeadwaterError) -> Bool {
        if !comparisons.isEmpty {
            try compare(&changes)
            return true
        }
        if large != nil {
            try sendSegment(&changes)
            return true
        }
        if !again.isEmpty {
            let item = again.removeFirst()
            guard let request = changes[item.index]?.request else { throw .wantOfNothing }
            try begin(item, request, &changes)
            return true
        }
        for position in head..<wants.count {
            let item = wants[position]
            guard let change = changes[item.index], let request = change.request else {
                throw .wantOfNothing
            }
            if change.pack < 0 {
                takeWant(at: position)
                try begin(item, request, &changes)
                return true
            }
            if change.wasCompared {
                takeWant(at: position)
                try sendPack([item], &changes)
                return true
            }
            guard let end = packEnds[change.pack], decidedBefore >= end else { continue }
            packEnds[change.pack] = nil
            try sendPack(takeWants(of: change.pack, before: end, changes), &changes)
            return true
        }
        return false
    }

    private func takeWant(at position: Int) {
        if position == head { return takeWants(1) }
        wants.remove(at: position)
    }

    /// The wants of one pack; large files between its members stay in line.
    private func takeWants(of pack: Int, before end: Int, _ changes: [Int: Source.Announced]) -> [WantMessage.Item] {
        var taken: [WantMessage.Item] = []
        var others: [WantMessage.Item] = []
        var next = head
        while next < wants.count, wants[next].index < end {
            if changes[wants[next].index]?.pack == pack {
                taken.append(wants[next])
            } else {
                others.append(wants[next])
            }
            next += 1
        }
        wants.replaceSubrange((next - others.count)..<next, with: others)
        takeWants(taken.count)
        return taken
    }

    private func takeWants(_ count: Int) {
        head += count
        if head == wants.count || head > 4096 {
            wants.removeFirst(head)
            head = 0
        }
    }

    /// Says what some files are, for a target that has yet to decide.
    private func compare(_ changes: inout [Int: Source.Announced]) throws(HeadwaterError) {
        var files: [SentFile] = []
        for item in comparisons.prefix(ContentSender.membersMax) {
            guard let request = changes[item.index]?.request else {
                throw .wantOfNothing
            }
            changes[item.index]?.wasCompared = true
            switch reader.digest(request) {
            case .success(let digest):
                files.append(sent(item.index, request.attributes, request.identity, digest, isThere: true, &changes))
            case .failure(let fault): try fail(item.index, request.path, fault, &changes)
            }
        }
        comparisons.removeFirst(min(ContentSender.membersMax, comparisons.count))
        if !files.isEmpty { try link.send(.same, SameMessage(files: files).encoded()) }
    }

    /// In a plan: says that these files could be sent, in the place of their content; what the target has already, as ever.
    func promise(_ items: [WantMessage.Item], _ changes: inout [Int: Source.Announced]) throws(HeadwaterError) {
        var files: [PromisedMessage.File] = []
        var same: [SentFile] = []
        for item in items {
            guard let request = changes[item.index]?.request else { continue }
            let isRead = item.has != nil || purpose == .plan(readsContent: true)
            switch reader.promise(request, withDigest: isRead) {
            case .failure(let fault): try fail(item.index, request.path, fault, &changes)
            case .success(let read):
                let attributes = told(request.attributes, changes[item.index])
                let digest = if let read { read } else { try agreedDigest(changes[item.index], request) }
                changes[item.index]?.sent = Source.SentContent(
                    attributes: attributes, digest: digest, identity: request.identity)
                if let digest, digest == item.has {
                    same.append(SentFile(index: item.index, attributes: attributes, digest: digest))
                } else {
                    files.append(PromisedMessage.File(index: item.index, attributes: attributes, digest: digest))
                }
            }
        }
        if !same.isEmpty { try link.send(.same, SameMessage(files: same).encoded()) }
        if !files.isEmpty { try link.send(.promised, PromisedMessage(files: files).encoded()) }
    }

    /// In a plan: of content that was not read, where the file is still the one that was agreed on.
    private func agreedDigest(_ change: Source.Announced?, _ request: ReadRequest) throws(HeadwaterError) -> Digest? {
        guard !end.isVerifying, let change, let row = try end.row(at: change.path), row.local == request.identity,
            row.agreed.attributes.kind == .file, row.agreed.attributes.size == request.attributes.size
        else { return nil }
        return row.agreed.digest
    }

    private func sendPack(_ items: [WantMessage.Item], _ changes: inout [Int: Source.Announced]) throws(HeadwaterError)
    {
        if purpose.isPlan { return try promise(items, &changes) }
        var same: [SentFile] = []
        var indices: [Int] = []
        var requests: [ReadRequest] = []
        for item in items {
            let request = changes[item.index]!.request!
            if let has = item.has, case .success(has) = reader.digest(request) {
                same.append(
                    sent(item.index, request.attributes, request.identity, has, isThere: true, &changes))
            } else {
                indices.append(item.index)
                requests.append(request)
            }
        }
        if !same.isEmpty { try link.send(.same, SameMessage(files: same).encoded()) }
        if requests.isEmpty { return }
        let pack = reader.pack(requests)
        var files: [(offset: Int, file: SentFile)] = []
        for (position, member) in pack.members.enumerated() {
            switch member {
            case .read(let attributes, let identity, let digest, let offset, _):
                files.append((offset, sent(indices[position], attributes, identity, digest, &changes)))
            case .failed(let fault): try fail(indices[position], requests[position].path, fault, &changes)
            }
        }
        if files.isEmpty { return }
        // Empty files lie where the next one begins: any order of the two will do.
        files.sort { $0.offset < $1.offset }
        let message = ContentMessage(
            files: files.map(\.file), isCompressed: pack.isCompressed, body: pack.payload[...])
        try link.send(.content, message.encoded())
        bytesDone += UInt64(pack.rawSize)
    }

    /// What a target has taken from a file that it was lent.
    func lentContent(_ index: Int, _ change: Source.Announced) -> Source.SentContent? {
        guard let request = change.request, let digest = lent?.takeDigest(index) else { return nil }
        return Source.SentContent(
            attributes: told(request.attributes, change), digest: digest, identity: kept(request.identity))
    }

    /// What a file is when it is sent: as it was found then, with the metadata that was announced.
    func told(_ raw: Attributes, _ change: Source.Announced?) -> Attributes {
        var told = preserved.masked(raw)
        switch change?.record {
        case .file(let announced), .touchedFile(let announced): told.metadata = announced.metadata
        default: break
        }
        return told
    }

    func sent(
        _ index: Int, _ raw: Attributes, _ identity: LocalIdentity, _ digest: Digest, isThere: Bool = false,
        _ changes: inout [Int: Source.Announced]
    ) -> SentFile {
        let attributes = told(raw, changes[index])
        changes[index]?.sent = Source.SentContent(
            attributes: attributes, digest: digest, identity: kept(identity), isThere: isThere)
        return SentFile(index: index, attributes: attributes, digest: digest)
    }

    func fail(_ index: Int, _ path: TreePath, _ fault: ReadFault, _ changes: inout [Int: Source.Announced])
        throws(HeadwaterError)
    {
        changes[index] = nil
        try link.send(.failed, FailedMessage(index: index, error: .unreadable(path, fault)).encoded())
    }
}

extension HeadwaterError {
    fileprivate static var wantOfNothing: HeadwaterError {
        .protocolBroken(WireFault("want of a change that is gone"))
    }
}
