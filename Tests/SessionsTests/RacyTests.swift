import Core
import Foundation
import Platform
import Roots
import Snapshots
import Testing

@testable import Sessions

/// A file that changed in the same tick of the clock in which it was read may change once more without a trace: it is looked at again.
@Suite(.timeLimit(.minutes(20))) struct RacyTests {
    private func identity(_ seconds: Int64, _ nanoseconds: UInt32) -> LocalIdentity {
        let ctime = Timestamp(seconds: seconds, nanoseconds: nanoseconds)
        return LocalIdentity(device: 1, inode: 1, birth: .zero, mtime: .zero, ctime: ctime)
    }

    @Test func tick_andWholeSeconds_areTooClose() {
        let read = Timestamp(seconds: 100, nanoseconds: 5_000_000)
        for (seconds, nanoseconds, isRacy) in [
            (100, 1_000_000, true), (99, 995_000_001, true), (99, 995_000_000, false), (100, 6_000_000, true),
            (99, 0, true), (98, 0, false), (98, 1, false), (500, 1, true), (Int64.min, 1, false),
        ] as [(Int64, UInt32, Bool)] {
            #expect(Racy.isRacy(identity(seconds, nanoseconds), readAt: read) == isRacy, "\(seconds).\(nanoseconds)")
        }
    }

    /// Changes a file in place without changing its size and time; where its row knows an inode, as if that had the same ctime still.
    private func changeInTheSameTick(_ tree: String, _ ends: TwoEnds) throws {
        ends.shell(
            "cd \(tree); touch -r f ../stamp; printf NEW | dd of=f conv=notrunc status=none; touch -r ../stamp f")
        let path = try TreePath(slashed: "f")
        let now = try FileStatus(at: Descriptor.workingDirectory, ends.directory("\(tree)/f")).identity
        let snapshot = try Snapshot.open(
            directory: SessionDirectory(database: ends.directory(tree), session: ends.session))
        if try snapshot.row(at: path)?.local != nil { _ = try snapshot.commit([.local(path, now)]) }
    }

    @Test func source_thatWroteWhileItWasRead_isReadAgain() async throws {
        let ends = TwoEnds()
        let registry = RootRegistry()
        // Reading has begun before the file is written.
        let reader = try registry.root(path: ends.source).cache.openReader()
        defer { reader.close() }
        ends.shell("echo content > source/f")
        #expect(await ends.run(registry: registry).error == nil)
        try changeInTheSameTick("source", ends)
        let ran = await ends.run()
        #expect(ran.error == nil && ran.moved.files == 1)
        #expect(ends.text("target/f") == "NEWtent\n")
    }

    /// The same where the file was only looked at, since its inode was a new one.
    @Test func source_thatWasVerifiedOnly_isReadAgain() async throws {
        let ends = TwoEnds()
        ends.shell("echo content > source/f")
        #expect(await ends.run().error == nil)
        let registry = RootRegistry()
        let reader = try registry.root(path: ends.source).cache.openReader()
        defer { reader.close() }
        ends.shell("cp -p source/f source/g; mv source/g source/f")
        #expect(await ends.run(registry: registry).moved == CycleCounts())
        // The row knows the inode before; what it must not know is this one.
        let knows = try FileStatus(at: Descriptor.workingDirectory, ends.directory("source/f")).identity
        let snapshot = try Snapshot.open(
            directory: SessionDirectory(database: ends.source, session: ends.session))
        #expect(try snapshot.row(at: TreePath(slashed: "f"))?.local != knows)
    }
}
