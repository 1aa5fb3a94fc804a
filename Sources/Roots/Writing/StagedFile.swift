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
