import Content
import Core
import Platform

/// Content of one root, read, digested and compressed once however many sessions ask for it.
///
/// Who asks first reads, on its own thread; who asks for the same meanwhile waits; who asks later gets it from here. Blocks go in scan
/// order: first those that every reader in the shared pace has passed. When there are none, the reader that needs room waits
/// once for the slowest one, then goes on without it (`CachePace`). Bounded: finished blocks and those being read together never
/// take more than `bytesMax`; each reader has 1 MiB of its own beside that.
package final class ContentCache: Sendable {
    struct State: Sendable {
        var shelf: CacheShelf
        var pace: CachePace
        var files = OpenFiles()
        var digests = DigestMemory()
        var deltas = DeltaMemory()
        var counters = CacheCounters()
    }

    /// Default 64 MiB. At least `bytesMaxMin`.
    package let bytesMax: Int
    /// Room for one pack of the largest kind while it is read.
    package static let bytesMaxMin = 2 * Pack.bytesMax + Pack.membersMax * CachedBlock.memberBytes + 1024

    let root: Descriptor
    let prediction = Prediction()
    let state: Monitor<State>
    private let paceNanoseconds: UInt64
    private let firstReader = Monitor<Timestamp?>(nil)
    private let store = Monitor<ChunkStore?>(nil)

    /// - Parameters:
    ///   - root: the root directory.
    ///   - paceNanoseconds: how long a reader waits for the slowest one before a block goes that this one still needs.
    ///   - idleNanoseconds: after how much silence a reader is not waited for.
    package init(
        root: Descriptor, bytesMax: Int = 64 << 20, paceNanoseconds: UInt64 = 200_000_000,
        idleNanoseconds: UInt64 = 1_000_000_000
    ) {
        precondition(bytesMax >= ContentCache.bytesMaxMin, "a cache must hold one block")
        self.root = root
        self.bytesMax = bytesMax
        self.paceNanoseconds = paceNanoseconds
        state = Monitor(State(shelf: CacheShelf(bytesMax: bytesMax), pace: CachePace(idleNanoseconds: idleNanoseconds)))
    }

    /// A reader for one session. To be used by one thread at a time; `close` it when the session needs nothing more.
    package func openReader() -> CacheReader {
        firstReader.update { $0 = $0 ?? WallClock.now }
        return CacheReader(self, id: state.update { $0.pace.add(now: MonotonicClock.now) })
    }

    /// The wall clock before anything of the root was read; nil before there was a reader.
    package var readSince: Timestamp? { firstReader.read { $0 } }

    package var counters: CacheCounters {
        state.read { state in
            var counters = state.counters
            counters.heldBytesPeak = state.shelf.heldBytesPeak
            return counters
        }
    }

    /// Bytes held and being read at this moment.
    package var heldBytes: Int { state.read { $0.shelf.heldBytes } }

    /// Where the chunk lists of large files are kept; nil where none are.
    var chunkLists: ChunkStore? { store.read { $0 } }

    /// From here on chunk lists are kept; the first one who says where decides.
    package func keepChunkLists(in store: ChunkStore) { self.store.update { $0 = $0 ?? store } }

    func removeReader(_ id: Int) { state.update { $0.pace.remove(id) } }

    /// The block, once it is there; nil when this reader must read it, then call `takeRoom` and `finish`.
    func begin(_ key: Digest, _ position: CachePosition, _ id: Int) -> CachedBlock? {
        state.update { $0.pace.ask(id, position, now: MonotonicClock.now) }
        return state.wait { state -> CachedBlock?? in
            state.pace.see(id, now: MonotonicClock.now)
            switch state.shelf.lookup(key) {
            case .ready(let block):
                state.counters.hitsCount += 1
                return block
            case .beingRead:
                return nil
            case .absent:
                state.shelf.begin(key)
                return .some(nil)
            }
        }
    }

    func finish(_ key: Digest, _ position: CachePosition, _ id: Int, reserved: Int, _ block: CachedBlock?) {
        state.update { state in
            state.pace.see(id, now: MonotonicClock.now)
            state.shelf.finish(key, position, reserved: reserved, block)
        }
    }

    /// Takes room for a block that is about to be read. Waits for others in bounded time.
    func takeRoom(_ bytes: Int, _ id: Int) {
        let deadline = MonotonicClock.now + paceNanoseconds
        let isDone = state.wait(until: deadline) { state in state.takeRoom(bytes, id) ? true : nil }
        if isDone != nil { return }
        state.wait { state -> Void? in
            while !state.takeRoom(bytes, id) {
                // Only blocks being read are left: their readers need no more room and will finish.
                guard let slowest = state.pace.slowest(now: MonotonicClock.now), state.shelf.firstPosition != nil
                else { return nil }
                state.pace.leaveBehind(slowest.id)
            }
            return ()
        }
    }

    func count(_ change: (inout CacheCounters) -> Void) { state.read { change(&$0.counters) } }
}

extension ContentCache.State {
    /// Takes room, dropping what all in the shared pace have passed. The slowest of them drops what it needs last.
    fileprivate mutating func takeRoom(_ bytes: Int, _ id: Int) -> Bool {
        while !shelf.take(bytes) {
            let now = MonotonicClock.now
            let slowest = pace.slowest(now: now)
            if let first = shelf.firstPosition, slowest.map({ first < $0.position }) ?? true {
                _ = shelf.evictFirst()
            } else if !pace.isLast(id, now: now) || !shelf.evictLast() {
                return false
            }
        }
        return true
    }
}
