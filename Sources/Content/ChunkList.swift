import Core

/// One chunk of a file: `hash` is XXH3-64 of its bytes.
package struct Chunk: Hashable, Sendable {
    package var offset: UInt64
    package var length: Int
    package var hash: UInt64

    package var end: UInt64 { offset + UInt64(length) }
}

/// What a file consists of: its chunks in order. Between them, and at the end, may be holes.
///
/// A match of two hashes is a guess. Who puts a file together from parts that were found by them checks the digest of what came out.
package struct ChunkList: Equatable, Sendable {
    package let sizes: ChunkSizes
    package fileprivate(set) var size: UInt64 = 0
    package fileprivate(set) var chunks: [Chunk] = []

    fileprivate init(_ sizes: ChunkSizes) { self.sizes = sizes }
}

/// Makes the chunk list of a file from its content, in pieces and in order. Holds at most one chunk of it.
package struct ChunkListMaker: Sendable {
    package private(set) var list: ChunkList
    private var gear: Gear
    /// The beginning of a chunk that goes on in the next piece.
    private var begun: [UInt8] = []

    package init(_ sizes: ChunkSizes) {
        list = ChunkList(sizes)
        gear = Gear(sizes)
    }

    /// Adds the next bytes.
    package mutating func add(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes
        while !rest.isEmpty {
            guard let count = gear.cut(rest) else {
                begun.append(contentsOf: rest)
                return
            }
            let (last, next) = (rest.prefix(count), rest.dropFirst(count))
            if begun.isEmpty {
                append(UnsafeRawBufferPointer(rebasing: last))
            } else {
                begun.append(contentsOf: last)
                endChunk()
            }
            rest = UnsafeRawBufferPointer(rebasing: next)
        }
    }

    package mutating func add(_ segment: RawSegment) {
        switch segment {
        case .bytes(let bytes): add(bytes)
        case .hole(let count): addHole(count)
        }
    }

    /// Adds a hole, which no chunk reaches into.
    package mutating func addHole(_ count: Int) {
        endChunk()
        list.size += UInt64(count)
    }

    /// The list of all that was added.
    package mutating func finish() -> ChunkList {
        endChunk()
        return list
    }

    private mutating func endChunk() {
        if begun.isEmpty { return }
        begun.withUnsafeBytes { append($0) }
        begun.removeAll(keepingCapacity: true)
        gear = Gear(list.sizes)
    }

    private mutating func append(_ bytes: UnsafeRawBufferPointer) {
        list.chunks.append(Chunk(offset: list.size, length: bytes.count, hash: Hash.xxh3(bytes)))
        list.size += UInt64(bytes.count)
    }
}

extension ChunkList {
    /// `docs/format/chunks.md`.
    private static let magic: [UInt8] = Array("HWchunk1".utf8)
    private static let recordBytes = 12
    private static let headBytes = 8 + 8 + 8
    private static let holeMark: UInt32 = 1 << 31

    package func encoded() -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(ChunkList.headBytes + (chunks.count + 16) * ChunkList.recordBytes + 8)
        out += ChunkList.magic
        out.put(UInt64(sizes.averageBits))
        out.put(size)
        var end: UInt64 = 0
        for chunk in chunks {
            if chunk.offset > end { out.put(record: ChunkList.holeMark, chunk.offset - end) }
            out.put(record: UInt32(chunk.length), chunk.hash)
            end = chunk.end
        }
        if size > end { out.put(record: ChunkList.holeMark, size - end) }
        out.put(out.withUnsafeBytes { Hash.xxh3($0) })
        return out
    }

    /// Nil for anything that is not whole and right.
    package init?(decoding bytes: [UInt8]) {
        let records = bytes.count - ChunkList.headBytes - 8
        guard records >= 0, records % ChunkList.recordBytes == 0, bytes.starts(with: ChunkList.magic),
            bytes.withUnsafeBytes({ raw in
                Hash.xxh3(UnsafeRawBufferPointer(rebasing: raw.dropLast(8))) == raw.word(at: raw.count - 8)
            }),
            let sizes = bytes.withUnsafeBytes({ Int(exactly: $0.word(at: 8)) }).flatMap(ChunkSizes.init(averageBits:))
        else { return nil }
        self.init(sizes)
        chunks.reserveCapacity(records / ChunkList.recordBytes)
        let whole = bytes.withUnsafeBytes { raw -> UInt64 in
            for start in stride(from: ChunkList.headBytes, to: raw.count - 8, by: ChunkList.recordBytes) {
                let length = UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: start, as: UInt32.self))
                let value = raw.word(at: start + 4)
                if length == ChunkList.holeMark {
                    size &+= value
                } else {
                    chunks.append(Chunk(offset: size, length: Int(length), hash: value))
                    size &+= UInt64(length)
                }
            }
            return raw.word(at: 16)
        }
        guard size == whole, chunks.allSatisfy({ $0.length > 0 && $0.length <= sizes.most }) else { return nil }
    }
}

extension [UInt8] {
    fileprivate mutating func put(_ value: UInt64) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }

    fileprivate mutating func put(record length: UInt32, _ value: UInt64) {
        Swift.withUnsafeBytes(of: length.littleEndian) { append(contentsOf: $0) }
        put(value)
    }
}

extension UnsafeRawBufferPointer {
    fileprivate func word(at offset: Int) -> UInt64 {
        UInt64(littleEndian: loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
}
