import Content
import Core
import Glibc
import Platform

/// How content is read so that what comes out is one state of one regular file: never through a symlink, never from a device, never a
/// mixture of two states. The status before must be the status after, ctime included.
struct FileReading {
    private static let triesMax = 3
    /// How often a file may go on changing while somebody has it open for writing before it is left for the next cycle. One that only
    /// stays open is read when its last change is not fresh any more.
    private static let writerChangesMax = 4
    private static let writerWaitMicroseconds: UInt32 = 50_000

    let cursor: TreeCursor
    let cache: ContentCache

    /// The newest stable state of a small file, read into the beginning of `buffer`; `changed` when it does not fit or
    /// will not be still.
    func readWhole(_ path: TreePath, into buffer: UnsafeMutableRawBufferPointer) -> Result<FileStatus, ReadFault> {
        for _ in 0..<FileReading.triesMax {
            do throws(ReadFault) {
                let (file, before) = try open(path)
                guard before.size <= UInt64(buffer.count) else { throw .changed }
                let size = Int(before.size)
                let content = UnsafeMutableRawBufferPointer(rebasing: buffer[..<size])
                if try read(file, content, at: 0, before.identity, before.size) { return .success(before) }
            } catch { return .failure(error) }
        }
        return .failure(.changed)
    }

    /// Opens a large file that must be exactly the one asked for.
    func openExact(_ request: ReadRequest) throws(ReadFault) -> Descriptor {
        let (file, status) = try open(request.path)
        guard status.identity == request.identity, status.size == request.attributes.size else { throw .changed }
        return file
    }

    /// A part of the file asked for, which must still be in that state afterwards.
    func readExact(
        _ file: Descriptor, _ request: ReadRequest, into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
    ) throws(ReadFault) {
        guard try read(file, buffer, at: offset, request.identity, request.attributes.size) else { throw .changed }
    }

    /// Whether a part of the file asked for, still in that state afterwards, is nothing but a hole. One written to just now is read instead.
    func isHole(_ file: Descriptor, _ request: ReadRequest, at offset: UInt64, size: Int) throws(ReadFault) -> Bool {
        if FileReading.isFresh(request.identity) { return false }
        do throws(SystemError) {
            if try !Platform.isHole(in: file.raw, from: offset, to: offset + UInt64(size)) { return false }
        } catch { throw .system(error) }
        let after = try status(file)
        guard after.identity == request.identity, after.size == request.attributes.size else { throw .changed }
        return true
    }

    /// False when the file changed meanwhile.
    ///
    /// A write sets the times first and copies the bytes then, so that a reader in between sees a mixture under its final times. A file
    /// written to within the last moments is therefore read twice and must be the same; where the kernel can tell, `open` has seen to
    /// it before that nobody is in the middle of a write.
    private func read(
        _ file: Descriptor, _ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, _ identity: LocalIdentity,
        _ size: UInt64
    ) throws(ReadFault) -> Bool {
        do throws(ReadFault) {
            try readFully(file, buffer, at: offset)
            if FileReading.isFresh(identity) {
                let first = Hash.digest(UnsafeRawBufferPointer(buffer))
                try readFully(file, buffer, at: offset)
                if Hash.digest(UnsafeRawBufferPointer(buffer)) != first { return false }
            }
        } catch .changed { return false }
        let after = try status(file)
        return after.identity == identity && after.size == size
    }

    /// Whether the file changed within the last second or two; ctime cannot be set by hand.
    private static func isFresh(_ identity: LocalIdentity) -> Bool {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return identity.ctime.seconds >= Int64(now.tv_sec) - 1
    }

    private func open(_ path: TreePath) throws(ReadFault) -> (Descriptor, FileStatus) {
        let file = Descriptor(owning: try openRaw(path))
        cache.count { $0.filesOpenedCount += 1 }
        var status = try status(file)
        guard status.kind == .file else { throw .changed }
        var changes = 0
        while FileReading.isFresh(status.identity), Writers(of: file.raw) == .some {
            usleep(FileReading.writerWaitMicroseconds)
            let now = try self.status(file)
            if now.identity != status.identity { changes += 1 }
            if changes > FileReading.writerChangesMax { throw .changed }
            status = now
        }
        // Who writes from here on sets the times anew; who wrote before has finished.
        if FileReading.isFresh(status.identity) { status = try self.status(file) }
        return (file, status)
    }

    /// A descriptor that the cursor kept may be of a directory that was replaced: then once more from the root.
    private func openRaw(_ path: TreePath) throws(ReadFault) -> Int32 {
        let flags = O_RDONLY | O_NONBLOCK
        do throws(SystemError) { return try cursor.openFile(path, flags) } catch {
            guard error.isMissing else { throw FileReading.fault(of: error) }
        }
        cursor.invalidate()
        do throws(SystemError) { return try cursor.openFile(path, flags) } catch { throw FileReading.fault(of: error) }
    }

    private func status(_ file: Descriptor) throws(ReadFault) -> FileStatus {
        do throws(SystemError) { return try FileStatus(descriptor: file.raw) } catch { throw .system(error) }
    }

    /// `changed` when the file ends before the buffer is full.
    private func readFully(_ file: Descriptor, _ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64)
        throws(ReadFault)
    {
        let got: Int
        do throws(SystemError) {
            got = try Platform.readFully(file.raw, into: buffer, at: offset)
        } catch { throw .system(error) }
        if got < buffer.count { throw .changed }
        cache.count { $0.bytesRead += got }
    }

    /// What is missing, or is a symlink by now, has changed since the scan.
    private static func fault(of error: SystemError) -> ReadFault {
        error.isMissing || error.errno == ELOOP ? .changed : .system(error)
    }
}
