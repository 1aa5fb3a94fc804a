import Core
import Foundation
import Glibc
import Platform
import Roots
import Sessions
import Testing
import Wire

/// Both ends in one process: large files are handed over open instead of being sent.
@Suite struct LentFileTests {
    private func ends() -> TwoEnds { TwoEnds(sharing: true) }

    @Test func largeFilesStandAtTheOtherEnd_withoutTheirContentOnTheStream() async {
        let ends = ends()
        ends.shell(
            """
            head -c 524289 /dev/urandom > source/just; head -c 9000000 /dev/urandom > source/large; echo small > source/small
            truncate -s 40M source/sparse; printf end >> source/sparse; chmod 0400 source/large; touch -d '2001-02-03 04:05:06.7' source/large
            mkdir source/d; cp source/large source/d/again
            """)
        let ran = await ends.run()
        #expect(ran.error == nil && ran.problems.isEmpty)
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
        #expect(ran.outcome.map { $0.bytesSent < 100_000 } == true, "\(String(describing: ran.outcome))")
        #expect(ran.outcome?.counts.files == 5)
        let rows = ends.rows
        let again = await ends.run()
        #expect(again.error == nil && again.outcome?.counts == CycleCounts())
        #expect(ends.rows == rows)
    }

    @Test func changedLargeFileFollows_andTheTwoAreIndependentAfterwards() async throws {
        let ends = ends()
        ends.shell("head -c 3000000 /dev/urandom > source/large")
        _ = await ends.run()
        ends.shell("printf XX | dd of=source/large bs=1 seek=1000 conv=notrunc status=none")
        #expect(ends.listing(ends.source) != ends.listing(ends.target))
        let ran = await ends.run()
        #expect(ran.error == nil && ran.outcome?.counts.files == 1)
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
    }

    @Test func targetOnAnotherFileSystem_takesTheContentThroughMemory() async throws {
        guard let other = try? FileStatus(at: Descriptor.workingDirectory, "/dev/shm") else { return }
        let here = try FileStatus(at: Descriptor.workingDirectory, NSTemporaryDirectory())
        try #require(other.device != here.device, "this needs /dev/shm beside the temporary directory")
        let ends = TwoEnds(sharing: true, targetIn: "/dev/shm")
        ends.shell("head -c 3000000 /dev/urandom > source/large")
        let ran = await ends.run()
        #expect(ran.error == nil && ran.problems.isEmpty)
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
    }

    /// The digest recorded at both ends is that of what was staged, also where the source goes on changing.
    @Test func fileThatChangesWhileItIsTaken_isNoMixture() async throws {
        let ends = ends()
        ends.shell("head -c 60000000 /dev/zero > source/large")
        let path = ends.source + "/large"
        let isOver = Monitor(false)
        let writer = WorkerThread<Void>("writer") {
            let file = open(path, O_WRONLY)
            var byte: UInt8 = 1
            while !isOver.read({ $0 }) {
                pwrite(file, &byte, 1, off_t(Int.random(in: 0..<60_000_000)))
                byte &+= 1
                poll(nil, 0, 1)
            }
            close(file)
        }
        for _ in 0..<3 { _ = await ends.run() }
        isOver.update { $0 = true }
        try writer.join()
        ends.shell(":")
        let ran = await ends.run()
        #expect(ran.error == nil && ran.problems.isEmpty, "\(ran.problems)")
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
    }
}
