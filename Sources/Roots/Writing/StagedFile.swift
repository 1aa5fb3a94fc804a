import Content
import Core
import Glibc
import Platform

/// The content of one file on its way into the stage. One thread's own; whatever is not finished is removed with the last reference.
package final class StagedWriter {
    private let stage: Stage
    private let number: UInt64
    private let attributes: Attributes
    private let dressing: Dressing
    private let descriptor: Int32
    /// Its name among the partial files, where it stays when it is not finished.
    private let partial: String?
    private var writtenBytes: UInt64
    /// Up to where the file is, holes at its end left out.
    private var endOnDisk: UInt64
    /// Less than the size where zeros are to be holes.
    private let storedBytes: UInt64
    private var isFinished = false
    private static let copiedAtOnce = 64 << 20

    /// Creates the file with its final mode, so that it rarely needs to be set: nobody else can reach the stage.
    init(_ stage: Stage, _ attributes: Attributes, _ dressing: Dressing, stored: UInt64? = nil) throws(SystemError) {
        self.stage = stage
        storedBytes = min(stored ?? attributes.size, attributes.size)
        self.attributes = attributes
        self.dressing = dressing
        (partial, writtenBytes, endOnDisk) = (nil, 0, 0)
        (number, descriptor) = try stage.createFile(mode: AppliedMode.of(attributes))
    }

    /// Begins a large file whose beginning is kept under a name whatever ends this cycle, or goes on with `bytes` of it that are there.
    init(
        _ stage: Stage, _ attributes: Attributes, _ dressing: Dressing, stored: UInt64, named name: String,
        keeping bytes: UInt64
    ) throws(SystemError) {
        self.stage = stage
        storedBytes = min(stored, attributes.size)
        self.attributes = attributes
        self.dressing = dressing
        (partial, writtenBytes, endOnDisk, number) = (name, bytes, bytes, stage.nextNumber())
        descriptor = try stage.openPartial(name, keeping: bytes)
    }

    deinit {
        // Room that was reserved is not kept.
        if !isFinished && partial != nil { ftruncate(descriptor, off_t(writtenBytes)) }
        close(descriptor)
        if !isFinished && partial == nil { stage.remove(number) }
    }

    private var hasHoles: Bool { storedBytes < attributes.size }

    /// Makes room for the whole of a large file now rather than failing in its middle; of one with holes it is only looked whether there is.
    ///
    /// What cannot fit is refused without trying: until it failed, the reservation would take all that is free from everybody else.
    func reserveRoom() throws(SystemError) {
        guard attributes.size > Stage.reserveBytesMin else { return }
        let missing = storedBytes - min(writtenBytes, storedBytes)
        if let free = try? FileSystemStatus(descriptor: descriptor).freeBytes, missing > free {
            throw SystemError("fallocate", ENOSPC)
        }
        if hasHoles { return }
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
            if !hasHoles {
                try writeFully(bytes, at: writtenBytes)
            } else {
                for range in Zeros.dataRanges(of: bytes, at: writtenBytes) {
                    let data = UnsafeRawBufferPointer(rebasing: bytes[range])
                    try writeFully(data, at: writtenBytes + UInt64(range.lowerBound))
                }
            }
        } catch { throw stage.error(error, needed: attributes.size - writtenBytes) }
        writtenBytes = total
    }

    /// Appends zeros, which take no room where the file may have holes.
    package func skip(_ count: Int) throws(HeadwaterError) {
        let (total, overflow) = writtenBytes.addingReportingOverflow(UInt64(count))
        guard !overflow, total <= attributes.size else {
            throw WritingError.wrongSize(declared: attributes.size, got: total)
        }
        writtenBytes = total
    }

    private func writeFully(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(SystemError) {
        endOnDisk = offset + UInt64(bytes.count)
        var done = 0
        while done < bytes.count {
            done += try checkSize("pwrite") {
                pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(offset) + done)
            }
        }
    }

    /// Shares the blocks of a whole file; false where the file system cannot.
    func share(_ source: Descriptor) throws(SystemError) -> Bool {
        do throws(SystemError) { try shareBlocks(of: source.raw, with: descriptor) } catch {
            if error.errno == ENOSPC || error.errno == EDQUOT || error.errno == EIO { throw error }
            return false
        }
        writtenBytes = try FileStatus(descriptor: descriptor).size
        endOnDisk = writtenBytes
        return true
    }

    /// Copies a whole file but for its holes; false when it is to end first.
    func copy(_ source: Descriptor, _ isEnding: () -> Bool) throws(SystemError) -> Bool {
        let size = try FileStatus(descriptor: source.raw).size
        data: while let data = try nextData(of: source.raw, from: writtenBytes, size: size) {
            writtenBytes = data.start
            while writtenBytes < data.end {
                if isEnding() { return false }
                let most = min(UInt64(StagedWriter.copiedAtOnce), data.end - writtenBytes)
                let count = try copyContent(from: source.raw, to: descriptor, at: writtenBytes, count: Int(most))
                if count == 0 { break data }
                writtenBytes += UInt64(count)
                endOnDisk = writtenBytes
            }
        }
        // A hole is at its end, or it has become shorter meanwhile, which the digest tells.
        writtenBytes = max(writtenBytes, min(size, try FileStatus(descriptor: source.raw).size))
        try setSize()
        return true
    }

    /// Gives the file the size that was written, where a hole is at its end.
    private func setSize() throws(SystemError) {
        if endOnDisk < writtenBytes { try check("ftruncate") { ftruncate(descriptor, off_t(writtenBytes)) } }
        endOnDisk = writtenBytes
    }

    /// The digest of what stands in the stage; nil when it is to end first.
    func digest(_ isEnding: () -> Bool) throws(SystemError) -> Digest? {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Segment.bytes, alignment: 4096)
        defer { buffer.deallocate() }
        var digest = ContentDigest()
        for index in 0..<Segment.count(ofSize: writtenBytes) {
            if isEnding() { return nil }
            let size = Segment.size(at: index, ofSize: writtenBytes)
            let offset = UInt64(index) * UInt64(Segment.bytes)
            if try isHole(in: descriptor, from: offset, to: offset + UInt64(size)) {
                digest.add(segment: Zeros.digest(count: size))
                continue
            }
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<size])
            try readExactly(descriptor, into: part, at: offset)
            digest.add(segment: Hash.digest(UnsafeRawBufferPointer(part)))
        }
        return digest.finish()
    }

    /// Sets mode and time, checks the size. The content is not durable yet: `Applier` sees to that, batch by batch.
    package func finish() throws(HeadwaterError) -> StagedFile {
        do throws(SystemError) {
            if writtenBytes <= attributes.size { try setSize() }
            let status = try FileStatus(descriptor: descriptor)
            guard writtenBytes == attributes.size, status.size == attributes.size else {
                throw SystemError("write", EMSGSIZE)
            }
            var fault: SystemError?
            do throws(SystemError) { try dressing.put(on: descriptor, attributes, status) } catch {
                guard error.isOfExtended else { throw error }
                fault = error
            }
            if attributes.size >= Stage.writebackBytesMin { startWriteback(descriptor) }
            if let partial { try stage.adoptPartial(partial, as: number) }
            isFinished = true
            return StagedFile(
                stage: stage, number: number, inode: status.inode, attributes: attributes, partial: partial,
                fault: fault)
        } catch  where error.errno == EMSGSIZE {
            throw WritingError.wrongSize(declared: attributes.size, got: writtenBytes)
        } catch { throw stage.error(error, needed: attributes.size) }
    }
}

/// A whole file in the stage, with its mode and time. Either given to `Applier.apply`, which then owns it, or discarded.
package struct StagedFile: Sendable {
    let stage: Stage?
    let number: UInt64
    let inode: UInt64
    package let attributes: Attributes
    /// Its other name, which goes before it is published.
    let partial: String?
    /// Why it could not get its extended attributes or ACLs: it is not to be published.
    let fault: SystemError?

    init(
        stage: Stage, number: UInt64, inode: UInt64, attributes: Attributes, partial: String?,
        fault: SystemError? = nil
    ) {
        (self.stage, self.number, self.inode, self.attributes) = (stage, number, inode, attributes)
        (self.partial, self.fault) = (partial, fault)
    }

    /// One that a plan stands in for: never to be applied.
    package init(promised attributes: Attributes) {
        (stage, number, inode, partial, fault, self.attributes) = (nil, 0, 0, nil, nil, attributes)
    }

    package func discard() { stage?.remove(number) }
}
