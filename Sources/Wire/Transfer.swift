import Core

/// `ask`: a target names paths that only it has seen change, to get the source's state of them.
package struct AskMessage: Sendable {
    package var paths: [TreePath]

    package init(paths: [TreePath]) { self.paths = paths }

    package func encoded() -> [UInt8] {
        var out = ByteWriter(reserving: 16 + paths.count * 32)
        out.put(paths.count)
        var before: [UInt8] = []
        for path in paths {
            out.put(path: path, after: before)
            before = path.key
        }
        return out.bytes
    }

    package init(decoding payload: [UInt8]) throws(WireFault) {
        var input = ByteReader(payload)
        let count = try input.int(atMost: ChangesMessage.recordsMax, "number of paths")
        paths = []
        var before = TreePath.root
        var room = ChangesMessage.expandedBytesMax
        for _ in 0..<count {
            before = try input.path(after: before, &room)
            if before.isRoot { throw WireFault("an ask for the root itself") }
            paths.append(before)
        }
        try input.finish()
    }
}

/// `want`: which content a target lacks, and up to which change it has decided.
package struct WantMessage: Sendable {
    package struct Item: Hashable, Sendable {
        package var index: Int
        /// The digest of what the target has there already: the source answers `same` where it matches.
        package var has: Digest?
        /// Only the source's digest is asked for, by a `same` whatever it is: to decide what to do. May come in any order, before the
        /// content of the same change is asked for or not.
        package var isComparison: Bool
        /// The beginning of a large file that is here already: the source goes on behind it where it is the same.
        package var received: Received?
        /// The digest of an earlier version of a large file that is here: the source may name parts of it in the place of content.
        package var base: Digest?
        /// The content came and was not what it was said to be, put together from that version: once more, whole. Once for each change.
        package var isAgain: Bool

        package init(
            index: Int, has: Digest?, isComparison: Bool = false, received: Received? = nil, base: Digest? = nil,
            isAgain: Bool = false
        ) {
            (self.received, self.base, self.isAgain) = (received, base, isAgain)
            self.index = index
            self.has = has
            self.isComparison = isComparison
        }
    }

    /// So many segments of a large file, with the digest of all their digests.
    package struct Received: Hashable, Sendable {
        package var segments: Int
        package var digest: Digest

        package init(segments: Int, digest: Digest) { (self.segments, self.digest) = (segments, digest) }
    }

    package static let itemsMax = ChangesMessage.recordsMax

    /// What is said of an item beside its digest. A comparison, and what is wanted again, go alone.
    fileprivate struct Kind: OptionSet {
        let rawValue: UInt8
        static let comparison = Kind(rawValue: 1)
        static let received = Kind(rawValue: 2)
        static let base = Kind(rawValue: 4)
        static let again = Kind(rawValue: 8)

        init(rawValue: UInt8) { self.rawValue = rawValue }

        init(from input: inout ByteReader) throws(WireFault) {
            rawValue = try input.byte()
            let isAlone = self == .comparison || self == .again
            guard isAlone || isSubset(of: [.received, .base]) else { throw WireFault("unknown kind of want") }
        }
    }

    /// All changes before this index are decided: their records need not be kept in flight any longer.
    package var decidedBefore: Int
    /// In rising order of index.
    package var items: [Item]

    package init(decidedBefore: Int, items: [Item]) {
        self.decidedBefore = decidedBefore
        self.items = items
    }

    package func encoded() -> [UInt8] {
        var out = ByteWriter(reserving: 16 + items.count * 18)
        out.put(decidedBefore)
        out.put(items.count)
        for item in items {
            out.put(item.index)
            out.put(item.has) { $0.put($1) }
            let kind = item.kind
            out.put(kind.rawValue)
            if kind.contains(.received), let received = item.received {
                out.put(received.segments)
                out.put(received.digest)
            }
            if kind.contains(.base), let base = item.base { out.put(base) }
        }
        return out.bytes
    }

    package init(decoding payload: [UInt8]) throws(WireFault) {
        var input = ByteReader(payload)
        decidedBefore = try input.int(atMost: 1 << 40, "change index")
        items = []
        for _ in 0..<(try input.int(atMost: WantMessage.itemsMax, "number of wants")) {
            let index = try input.int(atMost: 1 << 40, "change index")
            let has = try input.optional { (r) throws(WireFault) in try r.digest() }
            let kind = try Kind(from: &input)
            var item = Item(index: index, has: has, isComparison: kind == .comparison, isAgain: kind == .again)
            if kind.contains(.received) {
                item.received = Received(
                    segments: try input.int(atMost: 1 << 40, "segments"), digest: try input.digest())
            }
            if kind.contains(.base) { item.base = try input.digest() }
            items.append(item)
        }
        try input.finish()
    }
}

extension WantMessage.Item {
    fileprivate var kind: WantMessage.Kind {
        if isComparison { return .comparison }
        if isAgain { return .again }
        return (received == nil ? [] : WantMessage.Kind.received).union(base == nil ? [] : .base)
    }
}

/// What a file is at the moment it is sent; it may be newer than the change that announced it. Comes without metadata: that of the change
/// counts.
package struct SentFile: Hashable, Sendable {
    package var index: Int
    package var attributes: Attributes
    package var digest: Digest

    package init(index: Int, attributes: Attributes, digest: Digest) {
        self.index = index
        self.attributes = attributes
        self.digest = digest
    }

    func put(to out: inout ByteWriter) {
        out.put(index)
        out.put(withoutMetadata: attributes)
        out.put(digest)
    }

    init(from input: inout ByteReader) throws(WireFault) {
        index = try input.int(atMost: 1 << 40, "change index")
        attributes = try input.contentAttributes()
        digest = try input.digest()
    }
}

/// `same`: the target's content is the source's; nothing is sent but what the file is now. For a comparison: the source's digest.
package struct SameMessage: Sendable {
    package var files: [SentFile]

    package init(files: [SentFile]) { self.files = files }

    package func encoded() -> [UInt8] {
        var out = ByteWriter()
        out.put(files.count)
        for file in files { file.put(to: &out) }
        return out.bytes
    }

    package init(decoding payload: [UInt8]) throws(WireFault) {
        var input = ByteReader(payload)
        files = []
        for _ in 0..<(try input.int(atMost: ChangesMessage.recordsMax, "number of files")) {
            files.append(try SentFile(from: &input))
        }
        try input.finish()
    }
}

/// `content`: whole small files, one behind the other, compressed together. Their sizes are in the attributes.
package struct ContentMessage: Sendable {
    /// The most raw bytes of one frame: of all files of a `content`, or of one `segment`.
    package static let rawBytesMax = 512 * 1024

    package var files: [SentFile]
    package var isCompressed: Bool
    package var body: ArraySlice<UInt8>

    package init(files: [SentFile], isCompressed: Bool, body: ArraySlice<UInt8>) {
        self.files = files
        self.isCompressed = isCompressed
        self.body = body
    }

    package var rawBytes: Int { files.reduce(0) { $0 + Int($1.attributes.size) } }

    package func encoded() -> [UInt8] {
        var out = ByteWriter(reserving: 64 + files.count * 40 + body.count)
        out.put(files.count)
        for file in files { file.put(to: &out) }
        out.put(isCompressed)
        out.put(raw: body)
        return out.bytes
    }

    package init(decoding payload: [UInt8]) throws(WireFault) {
        var input = ByteReader(payload)
        files = []
        var raw: UInt64 = 0
        for _ in 0..<(try input.int(atMost: ChangesMessage.recordsMax, "number of files")) {
            let file = try SentFile(from: &input)
            raw += min(file.attributes.size, UInt64(ContentMessage.rawBytesMax) + 1)
            if raw > UInt64(ContentMessage.rawBytesMax) {
                throw WireFault("content of more than \(ContentMessage.rawBytesMax) bytes in a frame")
            }
            files.append(file)
        }
        isCompressed = try input.flag()
        body = try input.raw(input.remaining)
        if !isCompressed && body.count != Int(raw) {
            throw WireFault("content is \(body.count) bytes, \(raw) announced")
        }
    }
}

/// `failed`: the source cannot deliver this content; a problem of the path.
package struct FailedMessage: Sendable {
    package var index: Int
    package var error: HeadwaterError

    package init(index: Int, error: HeadwaterError) {
        self.index = index
        self.error = error
    }

    package func encoded() -> [UInt8] {
        var out = ByteWriter()
        out.put(index)
        out.put(error)
        return out.bytes
    }

    package init(decoding payload: [UInt8]) throws(WireFault) {
        var input = ByteReader(payload)
        index = try input.int(atMost: 1 << 40, "change index")
        error = try input.error()
        try input.finish()
    }
}

/// `committed`: these changes are published, durable and recorded by the target in its commit `number`.
package struct CommittedMessage: Sendable {
    package var number: Int64
    /// Rising, disjoint runs of change indices; none where only the target knew of what it did, as a mirror does.
    package var runs: [Range<Int>]
    /// Of those, deletions of directories that stay at the target, as residue; rising, disjoint runs.
    package var residues: [Range<Int>]
    /// Rows that no change of the source's leads to: conflicts of a push or pull, and what became of them.
    package var rows: [RowsMessage.Item]
    package var counts: CycleCounts

    package init(
        number: Int64, indices: [Int], residues: [Int] = [], rows: [RowsMessage.Item] = [], counts: CycleCounts
    ) {
        self.number = number
        self.rows = rows
        self.counts = counts
        runs = CommittedMessage.runs(of: indices)
        self.residues = CommittedMessage.runs(of: residues)
    }

    private static func runs(of indices: [Int]) -> [Range<Int>] {
        var runs: [Range<Int>] = []
        for index in indices.sorted() {
            if let last = runs.last, last.upperBound == index {
                runs[runs.count - 1] = last.lowerBound..<(index + 1)
            } else {
                runs.append(index..<(index + 1))
            }
        }
        return runs
    }

    package func encoded() -> [UInt8] {
        var out = ByteWriter()
        out.put(unsigned: UInt64(number))
        out.put(runs)
        out.put(residues)
        out.put(rows)
        out.put(counts)
        return out.bytes
    }

    package init(decoding payload: [UInt8]) throws(WireFault) {
        var input = ByteReader(payload)
        number = Int64(try input.unsigned(atMost: 1 << 60, "commit number"))
        runs = try input.runs()
        residues = try input.runs()
        rows = try input.rowItems()
        counts = try input.counts()
        try input.finish()
    }
}

extension ByteWriter {
    fileprivate mutating func put(_ runs: [Range<Int>]) {
        put(runs.count)
        var before = 0
        for run in runs {
            put(run.lowerBound - before)
            put(run.count)
            before = run.upperBound
        }
    }
}

extension ByteReader {
    fileprivate mutating func runs() throws(WireFault) -> [Range<Int>] {
        var runs: [Range<Int>] = []
        var before = 0
        for _ in 0..<(try int(atMost: Frame.payloadBytesMax, "number of runs")) {
            let start = before + (try int(atMost: 1 << 40, "change index"))
            let count = try int(atMost: 1 << 40, "run length")
            if count == 0 { throw WireFault("an empty run of changes") }
            runs.append(start..<(start + count))
            before = start + count
        }
        return runs
    }
}

/// `recorded`: the source holds durably what the target's commit `theirs` says; its own commit for it was `mine`.
package struct RecordedMessage: Sendable {
    package var theirs: Int64
    package var mine: Int64

    package init(theirs: Int64, mine: Int64) {
        self.theirs = theirs
        self.mine = mine
    }

    package func encoded() -> [UInt8] {
        var out = ByteWriter()
        out.put(unsigned: UInt64(theirs))
        out.put(unsigned: UInt64(mine))
        return out.bytes
    }

    package init(decoding payload: [UInt8]) throws(WireFault) {
        var input = ByteReader(payload)
        theirs = Int64(try input.unsigned(atMost: 1 << 60, "commit number"))
        mine = Int64(try input.unsigned(atMost: 1 << 60, "commit number"))
        try input.finish()
    }
}
