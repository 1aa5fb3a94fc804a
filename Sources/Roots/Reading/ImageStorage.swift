import Core
import Glibc
import Platform

/// Where the records and names of one scan lie: chunks that never move, so that several threads can fill it without copying.
///
/// A location is `chunk number × chunk size + offset`. A block of records is consecutive in locations, not always in memory.
final class ImageStorage: @unchecked Sendable {
    // SAFETY: a chunk is written by the one thread that took it (or that the scan's queue handed a record of it to), and by
    // none once the image is made; the tables have their full size from the start, an entry is set before its chunk is used.
    static let recordsPerChunk = 4096
    static let nameBytesPerChunk = 64 * 1024
    private static let recordChunksMax = Int(UInt32.max) / recordsPerChunk
    private static let nameChunksMax = Int(UInt32.max) / nameBytesPerChunk

    private typealias RecordChunk = UnsafeMutablePointer<ImageRecord>
    private let recordChunks = UnsafeMutablePointer<RecordChunk>.allocate(capacity: recordChunksMax)
    /// Beside each record the number of its owner in `owners`.
    private let ownerChunks = UnsafeMutablePointer<UnsafeMutablePointer<UInt32>>.allocate(capacity: recordChunksMax)
    private let owners = Monitor<Owners>(Owners())
    private let nameChunks = UnsafeMutablePointer<UnsafeMutableRawPointer>.allocate(capacity: nameChunksMax)
    private let taken = Monitor<(records: Int, names: Int)>((0, 0))

    deinit {
        let (records, names) = taken.read { $0 }
        for index in 0..<records {
            recordChunks[index].deallocate()
            ownerChunks[index].deallocate()
        }
        for index in 0..<names { nameChunks[index].deallocate() }
        recordChunks.deallocate()
        ownerChunks.deallocate()
        nameChunks.deallocate()
    }

    private struct Owners: Sendable {
        var list: [OwnerIDs] = []
        var numbers: [OwnerIDs: UInt32] = [:]
    }

    /// The number of these owners in this image; few trees have many.
    func number(of owner: OwnerIDs) -> UInt32 {
        owners.read { owners in
            if let known = owners.numbers[owner] { return known }
            owners.list.append(owner)
            let number = UInt32(owners.list.count - 1)
            owners.numbers[owner] = number
            return number
        }
    }

    /// All owners, by their numbers.
    var ownerList: [OwnerIDs] { owners.read { $0.list } }

    /// The number of the owner of the entry at a location that was handed out.
    @inline(__always)
    func owner(_ location: UInt32) -> UnsafeMutablePointer<UInt32> {
        ownerChunks[Int(location) / ImageStorage.recordsPerChunk] + Int(location) % ImageStorage.recordsPerChunk
    }

    /// The record at a location that was handed out.
    @inline(__always)
    func record(_ location: UInt32) -> UnsafeMutablePointer<ImageRecord> {
        recordChunks[Int(location) / ImageStorage.recordsPerChunk] + Int(location) % ImageStorage.recordsPerChunk
    }

    @inline(__always)
    func name(of record: ImageRecord) -> UnsafeRawBufferPointer {
        let chunk = nameChunks[Int(record.name) / ImageStorage.nameBytesPerChunk]
        let start = chunk + Int(record.name) % ImageStorage.nameBytesPerChunk
        return UnsafeRawBufferPointer(start: start, count: record.nameCount)
    }

    /// The length of the key of the entry at `location`, and the number of its components.
    func keyExtent(_ location: UInt32) -> (bytes: Int, depth: Int) {
        var (bytes, depth, current) = (-1, 0, location)
        while current != ImageRecord.noParent {
            let record = record(current).pointee
            bytes += record.nameCount + 1
            depth += 1
            current = record.parent
        }
        return (max(bytes, 0), depth)
    }

    /// The key of the entry at `location`.
    func key(_ location: UInt32) -> [UInt8] {
        let count = keyExtent(location).bytes
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            var (end, current) = (count, location)
            while current != ImageRecord.noParent {
                let record = record(current).pointee
                let name = name(of: record)
                end -= name.count
                UnsafeMutableRawBufferPointer(buffer).baseAddress!.advanced(by: end)
                    .copyMemory(from: name.baseAddress!, byteCount: name.count)
                if end > 0 {
                    end -= 1
                    buffer[end] = 0
                }
                current = record.parent
            }
            initialized = count
        }
    }

    func path(_ location: UInt32) -> TreePath {
        location == ImageRecord.noParent ? .root : TreePath(trusted: key(location))
    }

    /// The last component of the entry at `location`, NUL-terminated.
    func cName(_ location: UInt32) -> [CChar] {
        name(of: record(location).pointee).map { CChar(bitPattern: $0) } + [0]
    }

    /// Takes `count` consecutive chunks of records; returns the number of the first.
    fileprivate func takeRecordChunks(_ count: Int) throws(SystemError) -> Int {
        try taken.update { taken throws(SystemError) in
            guard taken.records + count <= ImageStorage.recordChunksMax else { throw SystemError("scan", EOVERFLOW) }
            for index in taken.records..<(taken.records + count) {
                recordChunks[index] = .allocate(capacity: ImageStorage.recordsPerChunk)
                ownerChunks[index] = .allocate(capacity: ImageStorage.recordsPerChunk)
                ownerChunks[index].initialize(repeating: 0, count: ImageStorage.recordsPerChunk)
            }
            taken.records += count
            return taken.records - count
        }
    }

    fileprivate func takeNameChunk() throws(SystemError) -> Int {
        try taken.update { taken throws(SystemError) in
            guard taken.names < ImageStorage.nameChunksMax else { throw SystemError("scan", EOVERFLOW) }
            nameChunks[taken.names] = .allocate(byteCount: ImageStorage.nameBytesPerChunk, alignment: 16)
            taken.names += 1
            return taken.names - 1
        }
    }

    fileprivate func nameChunk(_ index: Int) -> UnsafeMutableRawPointer { nameChunks[index] }
}

/// One thread's place to write in an `ImageStorage`.
struct ImageWriter {
    let storage: ImageStorage
    private var recordNext = 0
    private var recordRoom = 0
    private var nameNext = 0
    private var nameRoom = 0
    private var lastOwner: (owner: OwnerIDs, number: UInt32)?

    init(_ storage: ImageStorage) { self.storage = storage }

    /// Room for `count` records in a row; EOVERFLOW beyond 2³² records.
    mutating func block(_ count: Int) throws(SystemError) -> Range<UInt32> {
        if count == 0 { return 0..<0 }
        var start = recordNext
        if count <= recordRoom {
            recordNext += count
            recordRoom -= count
        } else {
            let size = ImageStorage.recordsPerChunk
            let chunks = (count + size - 1) / size
            start = try storage.takeRecordChunks(chunks) * size
            if chunks * size - count > recordRoom {
                (recordNext, recordRoom) = (start + count, chunks * size - count)
            }
        }
        return UInt32(start)..<UInt32(start + count)
    }

    /// Notes who owns the entry at a location.
    mutating func set(owner: OwnerIDs, at location: UInt32) {
        if lastOwner?.owner != owner { lastOwner = (owner, storage.number(of: owner)) }
        storage.owner(location).pointee = lastOwner!.number
    }

    /// Copies a name of at most 255 bytes into the arena; EOVERFLOW beyond 4 GiB of names.
    mutating func add(name: UnsafeRawBufferPointer) throws(SystemError) -> UInt32 {
        if name.count > nameRoom {
            nameNext = try storage.takeNameChunk() * ImageStorage.nameBytesPerChunk
            nameRoom = ImageStorage.nameBytesPerChunk
        }
        let chunk = storage.nameChunk(nameNext / ImageStorage.nameBytesPerChunk)
        (chunk + nameNext % ImageStorage.nameBytesPerChunk)
            .copyMemory(from: name.baseAddress!, byteCount: name.count)
        defer {
            nameNext += name.count
            nameRoom -= name.count
        }
        return UInt32(nameNext)
    }
}
