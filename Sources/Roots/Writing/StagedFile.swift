import Content
import Core
import Glibc
import Platform

/// The content of one file on its way into the stage. One thread's own; whatever is not finished is removed with the last reference.
package final class StagedWriter {
    private let stage: Stage
    private let number: UInt64
    private let attributes: Attributes
    private let descriptor: Int32
    private var writtenBytes: UInt64 = 0
    private var isFinished = false
    private static let copiedAtOnce = 64 << 20

    /// Creates the file with its final mode, so that it rarely needs to be set: nobody else can reach the stage.
    init(_ stage: Stage, _ attributes: Attributes) throws(SystemError) {
        self.stage = stage
        self.attributes = attributes
        (number, descriptor) = try stage.createFile(mode: AppliedMode.of(attributes))
    }

    deinit {
        close(descriptor)
        if !isFinished { stage.remove(number) }
    }

    /// Makes room for the whole of a large file now rather than failing in its middle.
    ///
    /// What cannot fit is refused without trying: until it failed, the reservation would take all that is free from everybody else.
    func reserveRoom() throws(SystemError) {
        guard attributes.size > Stage.reserveBytesMin else { return }
        if let free = try? FileSystemStatus(descriptor: descriptor).freeBytes, attributes.size > free {
            throw SystemError("fallocate", ENOSPC)
        }
        do throws(SystemError) {
            try reserve(descriptor, size: Int64(clamping: attributes.size))
        } catch  where error.errno != EOPNOTSUPP && error.errno != ENOSYS {
            throw error
        } catch {}
    }

    /// Appends. `stage.no-space` when the disk is full, `stage.wrong-size` beyond the declared size. Blocks.
    package func write(_ bytes: UnsafeRawBufferPointer) throws(HeadwaterError) {
        let (total, overflow) = writtenBytes.addingReportingOverflow(UInt64(bytes.count))
        guard !overflow, total <= attributes.size else {
            throw WritingError.wrongSize(declared: attributes.size, got: total)
        }
        do throws(SystemError) {
            try writeFully(descriptor, bytes)
        } catch { throw stage.error(error, needed: attributes.size - writtenBytes) }
        writtenBytes = total
    }

    /// Shares the blocks of a whole file; false where the file system cannot.
    func share(_ source: Descriptor) throws(SystemError) -> Bool {
        do throws(SystemError) { try shareBlocks(of: source.raw, with: descriptor) } catch {
            if error.errno == ENOSPC || error.errno == EDQUOT || error.errno == EIO { throw error }
            return false
        }
        writtenBytes = try FileStatus(descriptor: descriptor).size
        return true
    }

    /// Copies a whole file; false when it is to end first.
    func copy(_ source: Descriptor, _ isEnding: () -> Bool) throws(SystemError) -> Bool {
        while true {
            if isEnding() { return false }
            let count = try copyContent(
                from: source.raw, to: descriptor, at: writtenBytes, count: StagedWriter.copiedAtOnce)
            if count == 0 { return true }
            writtenBytes += UInt64(count)
        }
    }

    /// The digest of what stands in the stage; nil when it is to end first.
    func digest(_ isEnding: () -> Bool) throws(SystemError) -> Digest? {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Segment.bytes, alignment: 4096)
        defer { buffer.deallocate() }
        var digest = ContentDigest()
        for index in 0..<Segment.count(ofSize: writtenBytes) {
            if isEnding() { return nil }
            let size = Segment.size(at: index, ofSize: writtenBytes)
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<size])
            try readFully(part, at: UInt64(index) * UInt64(Segment.bytes))
            digest.add(segment: Hash.digest(UnsafeRawBufferPointer(part)))
        }
        return digest.finish()
    }

    private func readFully(_ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(SystemError) {
        var filled = 0
        while filled < buffer.count {
            let got = try checkSize("pread") {
                pread(descriptor, buffer.baseAddress! + filled, buffer.count - filled, off_t(offset) + filled)
            }
            if got == 0 { throw SystemError("pread", EIO) }
            filled += got
        }
    }

    /// Sets mode and time, checks the size. The content is not durable yet: `Applier` sees to that, batch by batch.
    package func finish() throws(HeadwaterError) -> StagedFile {
        do throws(SystemError) {
            let status = try FileStatus(descriptor: descriptor)
            guard writtenBytes == attributes.size, status.size == attributes.size else {
                throw SystemError("write", EMSGSIZE)
            }
            let mode = AppliedMode.of(attributes)
            if status.permissions != mode { try setPermissions(descriptor: descriptor, mode) }
            try setModificationTime(
                descriptor, nil, seconds: attributes.mtime.seconds, nanoseconds: attributes.mtime.nanoseconds)
            if attributes.size >= Stage.writebackBytesMin { startWriteback(descriptor) }
            isFinished = true
            return StagedFile(stage: stage, number: number, inode: status.inode, attributes: attributes)
        } catch  where error.errno == EMSGSIZE {
            throw WritingError.wrongSize(declared: attributes.size, got: writtenBytes)
        } catch { throw stage.error(error, needed: attributes.size) }
    }
}

/// A whole file in the stage, with its mode and time. Either given to `Applier.apply`, which then owns it, or discarded.
package struct StagedFile: Sendable {
    let stage: Stage
    let number: UInt64
    let inode: UInt64
    package let attributes: Attributes

    package func discard() { stage.remove(number) }
}
