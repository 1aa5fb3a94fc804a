/// Finds chunks of one list by their hashes. Open addressing with linear probing, four bytes a slot, at most half full.
struct ChunkIndex: Sendable {
    let chunks: [Chunk]
    /// One more than the place in `chunks`; 0 is empty.
    private var slots: [UInt32]
    private let mask: Int

    init(_ list: ChunkList) {
        chunks = list.chunks
        var count = 16
        while count < 2 * chunks.count { count *= 2 }
        mask = count - 1
        slots = [UInt32](repeating: 0, count: count)
        for (place, chunk) in chunks.enumerated() {
            let slot = slot(of: chunk)
            // Of equal chunks the first one stands for all.
            if slots[slot] == 0 { slots[slot] = UInt32(place + 1) }
        }
    }

    /// The place of a chunk of the same content; nil where there is none.
    ///
    /// - Parameter following: taken where that one is the same, since it continues what was found before.
    func place(of chunk: Chunk, preferring following: Int?) -> Int? {
        if let following, following < chunks.count, isSame(chunks[following], chunk) { return following }
        let found = slots[slot(of: chunk)]
        return found == 0 ? nil : Int(found) - 1
    }

    /// Where the chunk is, or would be put.
    private func slot(of chunk: Chunk) -> Int {
        var slot = Int(truncatingIfNeeded: chunk.hash) & mask
        while slots[slot] != 0, !isSame(chunks[Int(slots[slot]) - 1], chunk) { slot = (slot + 1) & mask }
        return slot
    }

    private func isSame(_ one: Chunk, _ other: Chunk) -> Bool { one.hash == other.hash && one.length == other.length }
}
