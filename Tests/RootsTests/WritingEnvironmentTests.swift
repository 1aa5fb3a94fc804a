import Core
import Foundation
import Glibc
import Platform
import Roots
import TestSupport
import Testing

/// Full, read-only and protected trees. What needs root (mounts, other users) runs only as root.
@Suite struct WritingEnvironmentTests {
    private static let isRoot = geteuid() == 0

    /// A file system of its own, unmounted with the last reference.
    private final class Mount {
        let directory = TemporaryDirectory("mount")

        init(_ arguments: String...) throws {
            let outcome = try ChildProcess.run(["/bin/mount"] + arguments + [directory.path])
            try #require(outcome.exit == 0, "mount: \(String(decoding: outcome.errors, as: UTF8.self))")
        }

        deinit { _ = try? ChildProcess.run(["/bin/umount", directory.path]) }
    }

    @Test(.enabled(if: isRoot)) func aFullDisk_isAnErrorWithFigures_andLeavesTheTreeWhole() throws {
        let mount = try Mount("-t", "tmpfs", "-o", "size=1m", "tmpfs")
        let tree = try WritingFixture(mount.directory.path)
        tree.write("f", "old")
        let large = #expect(throws: HeadwaterError.self) {
            _ = try tree.stage.file(tree.attributes(.file, size: 5 << 20))
        }
        #expect(large?.code == "stage.no-space" && large?.exit == .edgeFailed)
        #expect(large?.message.contains("5242880") == true)
        let many = #expect(throws: HeadwaterError.self) {
            var kept = [StagedFile]()
            for _ in 0..<100 { kept.append(try tree.staged(String(repeating: "x", count: 100_000))) }
        }
        #expect(many?.code == "stage.no-space")
        #expect(tree.read("f") == "old")
        let again = try WritingFixture(mount.directory.path)
        #expect(try again.leftovers() == [])
        #expect(try Applier(again.stage).apply([again.put("f", "new")])[0].isDone)
    }

    @Test(.enabled(if: isRoot)) func outOfInodes_isTheSameError_andNothingOfTheBatchIsLost() throws {
        let mount = try Mount("-t", "tmpfs", "-o", "nr_inodes=12", "tmpfs")
        let tree = try WritingFixture(mount.directory.path)
        let error = #expect(throws: HeadwaterError.self) {
            for index in 0..<20 { _ = try Applier(tree.stage).apply([tree.make("d\(index)")]) }
        }
        #expect(error?.code == "stage.no-space")
        #expect(tree.status("d0")?.kind == .directory)
    }

    @Test(.enabled(if: isRoot)) func aReadOnlyTarget_isAnErrorOfTheWhole() throws {
        let mount = try Mount("-t", "tmpfs", "tmpfs")
        for hasStage in [false, true] {
            if hasStage { _ = try WritingFixture(mount.directory.path) }
            #expect(try run("/bin/mount", "-o", "remount,ro", mount.directory.path).exit == 0)
            let error = #expect(throws: HeadwaterError.self) { try WritingFixture(mount.directory.path) }
            #expect(error?.code == "apply.read-only")
            #expect(try run("/bin/mount", "-o", "remount,rw", mount.directory.path).exit == 0)
        }
    }

    @Test(.enabled(if: isRoot)) func aMountInsideTheTree_isNotEntered() throws {
        let tree = try WritingFixture()
        tree.mkdir("m")
        let mounted = try run("/bin/mount", "-t", "tmpfs", "tmpfs", tree("m"))
        try #require(mounted.exit == 0)
        defer { _ = try? run("/bin/umount", tree("m")) }
        let outcomes = try Applier(tree.stage).apply([tree.put("m/f", "x"), tree.make("m")])
        #expect(outcomes.map(\.errorNumber) == [EXDEV, EXDEV])
        #expect(try run("/bin/ls", "-A", tree("m")).output == "")
    }

    @Test(.enabled(if: isRoot)) func anImmutableFile_isAProblemOfItsOwn() throws {
        let tree = try WritingFixture()
        tree.write("f", "old")
        guard try run("/usr/bin/chattr", "+i", tree("f")).exit == 0 else { return }
        defer { _ = try? run("/usr/bin/chattr", "-i", tree("f")) }
        let outcomes = try Applier(tree.stage).apply([tree.put("f", "new"), tree.put("g", "new")])
        #expect(outcomes[0].errorNumber == EPERM)
        #expect(outcomes[1].isDone)
        #expect(tree.read("f") == "old")
        #expect(try tree.leftovers() == [])
    }

    @Test(.enabled(if: isRoot)) func aDirectoryClosedToItsOwner_isOpenedForTheBatch_andClosedAgain() throws {
        let directory = TemporaryDirectory("plain")
        chmod(directory.path, 0o755)
        let probe = directory("probe")
        #expect(try run("/bin/cp", WritingFixture.probe, probe).exit == 0)
        mkdir(directory("root"), 0o755)
        for mode in ["555", "444", "0"] {
            let inner = directory("root/a\(mode)/closed")
            try FileManager.default.createDirectory(atPath: inner, withIntermediateDirectories: true)
            try setModificationTime(Descriptor.workingDirectory, inner, seconds: 42, nanoseconds: 43)
            #expect(try run("/bin/chmod", mode, inner, directory("root/a\(mode)")).exit == 0)
            #expect(try run("/bin/chown", "-R", "65534:65534", directory("root")).exit == 0)
            let applied = try run(
                "/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", probe, "replace-in",
                directory("root"), "a\(mode)/closed")
            #expect(applied.output == "done\ndone\ndone\n")
            let status = try FileStatus(at: Descriptor.workingDirectory, inner)
            #expect(String(status.permissions, radix: 8) == mode)
            #expect(status.mtime == Timestamp(seconds: 42, nanoseconds: 43))
            let above = try FileStatus(at: Descriptor.workingDirectory, directory("root/a\(mode)"))
            #expect(String(above.permissions, radix: 8) == mode)
            let made = try FileStatus(at: Descriptor.workingDirectory, inner + "/made")
            #expect(made.permissions == 0o555 && made.mtime == Timestamp(seconds: 5, nanoseconds: 6))
        }
    }

    @Test func aRootThatIsRemovedMeanwhile_isAnErrorOfTheWhole() throws {
        let tree = try WritingFixture()
        let batch = try [tree.put("f", "x")]
        #expect(try run("/bin/rm", "-rf", tree.path).exit == 0)
        let error = #expect(throws: HeadwaterError.self) { _ = try Applier(tree.stage).apply(batch) }
        #expect(error?.code == "apply.root-gone")
    }
}
