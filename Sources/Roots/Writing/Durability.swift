import Core
import Glibc
import Platform

/// How a batch becomes durable.
package enum DurabilityWay: Sendable { case none, wholeFileSystem, eachFile }

/// Makes the content of a batch durable before it is published, and what was published before it is recorded (invariant 2).
///
/// One `syncfs` where that writes hardly more than the batch; else `fdatasync` of each file, several at a time, so that we do not
/// wait for what others have dirty. A file system in memory needs neither. The figures behind the choice: `docs/apply.md`.
struct Durability {
    /// Dirty pages of others that one `syncfs` may write beside the batch.
    static let foreignBytesMax: UInt64 = 64 << 20
    /// How many `fdatasync` are under way at once.
    static let threads = 4
    /// Below this many changes each is synced by itself.
    static let changesMin = 8

    let stage: Int32
    let way: DurabilityWay

    /// - Parameter forced: for tests and measurements.
    init(stage: Int32, changes: Int, bytes: UInt64, forced: DurabilityWay? = nil) {
        self.stage = stage
        way = forced ?? Durability.choose(stage, changes, bytes)
    }

    private static func choose(_ stage: Int32, _ changes: Int, _ bytes: UInt64) -> DurabilityWay {
        let magic = (try? FileSystemStatus(descriptor: stage))?.magic
        if magic == 0x0102_1994 || magic == 0x8584_58F6 { return .none }  // tmpfs, ramfs
        if changes < changesMin { return .eachFile }
        guard let dirty = dirtyBytes() else { return .eachFile }
        return dirty <= bytes + bytes / 2 + foreignBytesMax ? .wholeFileSystem : .eachFile
    }

    /// Dirty and Writeback of `/proc/meminfo`: all file systems together, so at least what `syncfs` would write.
    private static func dirtyBytes() -> UInt64? {
        guard let text = try? readFile("/proc/meminfo", bytesMax: 64 << 10) else { return nil }
        var total: UInt64 = 0
        for line in text.split(separator: 10) {
            let fields = line.split(separator: 0x20)
            guard fields.count >= 2 else { continue }
            let key = String(decoding: fields[0], as: UTF8.self)
            if key == "Dirty:" || key == "Writeback:" {
                total += (UInt64(String(decoding: fields[1], as: UTF8.self)) ?? 0) << 10
            }
        }
        return total
    }

    /// Returns when the staged `numbers`, the intent and the names in the stage are on the disk.
    func contentDurable(_ numbers: [UInt64], intent: Int32?) throws(HeadwaterError) {
        do throws(SystemError) {
            switch way {
            case .none: return
            case .wholeFileSystem: try syncFileSystem(stage)
            case .eachFile:
                if let intent { try check("fdatasync") { fdatasync(intent) } }
                try syncEach(numbers)
            }
        } catch { throw Durability.failure(error, stage) }
    }

    /// Returns when all changes of names and attributes on the file system are on the disk.
    func everythingDurable() throws(HeadwaterError) {
        if way == .none { return }
        do throws(SystemError) {
            try syncFileSystem(stage)
        } catch { throw Durability.failure(error, stage) }
    }

    static func failure(_ error: SystemError, _ stage: Int32) -> HeadwaterError {
        WritingError.fatal(error, stage: stage, needed: 0) ?? WritingError.notDurable(error)
    }

    private func syncEach(_ numbers: [UInt64]) throws(SystemError) {
        guard numbers.count > 1 else { return try Durability.syncSlice(numbers[...], stage) }
        let stage = stage
        let share = (numbers.count + Durability.threads - 1) / Durability.threads
        let workers = stride(from: 0, to: numbers.count, by: share).map { start in
            let slice = numbers[start..<min(start + share, numbers.count)]
            return WorkerThread("hw-fdatasync") { try Durability.syncSlice(slice, stage) }
        }
        var failure: SystemError?
        for worker in workers {
            do { try worker.join() } catch { failure = error as? SystemError ?? SystemError("fdatasync", EIO) }
        }
        if let failure { throw failure }
    }

    /// Opens a staged file in whichever way its own mode lets this user; nil when it lets nobody.
    private static func openAny(_ stage: Int32, _ name: UnsafePointer<CChar>) throws(SystemError) -> Int32? {
        for access in [O_RDONLY, O_WRONLY] {
            let fd = openat(stage, name, access | O_NOFOLLOW | O_CLOEXEC)
            if fd >= 0 { return fd }
            if errno != EACCES { throw SystemError("openat") }
        }
        return nil
    }

    private static func syncSlice(_ numbers: ArraySlice<UInt64>, _ stage: Int32) throws(SystemError) {
        for number in numbers {
            try Stage.withName(number) { name throws(SystemError) in
                guard let fd = try openAny(stage, name) else { return try syncFileSystem(stage) }
                defer { close(fd) }
                try check("fdatasync") { fdatasync(fd) }
            }
        }
    }
}
