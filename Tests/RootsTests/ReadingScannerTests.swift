import Core
import Foundation
import Glibc
import Platform
import TestSupport
import Testing

@testable import Roots

@Suite("Scanning")
struct ReadingScannerTests {
    let directory = TemporaryDirectory("scan")

    @Test func anEmptyDirectoryHasNoEntries() throws {
        let image = try scan(directory.path)
        #expect(image.count == 0 && image.topLevelCount == 0 && image.problems.isEmpty && !image.root.isIncomplete)
        #expect(image.root.attributes.kind == .directory)
    }

    @Test func orderIsThatOfComponents_aDirectoryRightBeforeItsChildren() throws {
        let make = try TreeMaker(directory.path)
        for path in ["a/x", "a.txt", "a-b/c", "a/b/c/d", "b", "A", "a/b.c", "ab", "a!"] { try make.file(path) }
        let image = try scan(directory.path)
        #expect(
            image.slashedPaths == [
                "A", "a", "a/b", "a/b/c", "a/b/c/d", "a/b.c", "a/x", "a!", "a-b", "a-b/c", "a.txt", "ab", "b",
            ])
        #expect(image.topLevelCount == 7)
    }

    @Test func orderOfAnAwkwardTreeEqualsAnIndependentSort() throws {
        let make = try TreeMaker(directory.path)
        let names: [[UInt8]] = [
            [0xFF, 0xFE], [10], Array("new\nline".utf8), [0x80], Array(repeating: 0x78, count: 255), [1], [0x20],
            Array("\\x41".utf8), Array("*".utf8), Array("-rf".utf8), Array("ü".utf8), Array("...".utf8),
            Array("abcdefgh".utf8), Array("abcdefghi".utf8), Array("abcdefg".utf8), Array("abcdefg\u{1}".utf8),
            Array(".headwaterx".utf8), [0xC3],
        ]
        for outer in names {
            for inner in names { try make.file(TreePath(trusted: outer).appending(inner).appending(inner)) }
        }
        let image = try scan(directory.path)
        #expect(image.paths.map(\.components) == (try findAll(directory.path)))
        #expect(zip(image.paths, image.paths.dropFirst()).allSatisfy { $0 < $1 })
        for (index, path) in image.paths.enumerated() {
            #expect(image.index(of: path) == index)
            #expect(image.key(at: index) == path.key)
        }
        #expect(image.index(of: .root) == nil)
        #expect(image.index(of: TreePath(trusted: [1, 0, 2])) == nil)
    }

    @Test(arguments: [1, 2]) func pathsBeyondFourKilobytesAndDepth600AreScanned(threads: Int) throws {
        let make = try TreeMaker(directory.path)
        var path = TreePath.root
        for level in 0..<600 { path = path.appending(Array("level-\(level)-of-the-tree".utf8)) }
        try make.file(path.appending([0x66]), [1, 2, 3])
        let image = try scan(directory.path, threads: threads)
        #expect(path.key.count > 4096 && image.count == 601 && image.problems.isEmpty)
        #expect(image.paths.last == path.appending([0x66]))
        #expect(image.attributes(at: 600).size == 3)
    }

    @Test func whatIsTooDeepOrTooLongForAPathIsAProblem() throws {
        let make = try TreeMaker(directory.path)
        var current = try make.directory(TreePath(trusted: [0x64]))
        for _ in 1..<(TreePath.depthMax + 3) {
            mkdirat(current.raw, "d", 0o755)
            current = try Descriptor(at: current.raw, "d", O_RDONLY | O_DIRECTORY)
        }
        current = try make.directory(TreePath(trusted: [0x6C]))
        let long = cName(repeatElement(0x6C, count: 255))
        for _ in 0..<(TreePath.bytesMax / 256 + 2) {
            mkdirat(current.raw, long, 0o755)
            current = try Descriptor(at: current.raw, long, O_RDONLY | O_DIRECTORY)
        }
        let image = try scan(directory.path)
        #expect(image.problems.map(\.error.errno) == [ENAMETOOLONG, ENAMETOOLONG])
        for problem in image.problems {
            let index = try #require(image.index(of: problem.path))
            #expect(image.isIncomplete(at: index))
            #expect(TreePath.fault(in: problem.path.key) == nil)
        }
        #expect(image.paths.allSatisfy { TreePath.fault(in: $0.key) == nil })
        #expect(image.problems.first?.path.components.count == TreePath.depthMax)
    }

    @Test func manyEntriesInOneDirectory() throws {
        let many = try TreeMaker(directory.path).directory(TreePath(slashed: "many"))
        for number in 0..<100_000 {
            close(openat(many.raw, "entry-\(number)", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600))
        }
        let image = try scan(directory.path)
        #expect(image.count == 100_001)
        let names = (0..<100_000).map { "many/entry-\($0)" }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        #expect(image.slashedPaths.dropFirst().elementsEqual(names))
    }

    @Test func manyDirectoriesAreSharedByThreadsAndKeepTheirOrder() throws {
        let make = try TreeMaker(directory.path)
        for number in 0..<400 { try make.file("d\(number % 20)/e\(number)/f/g") }
        for _ in 0..<20 { #expect(try scan(directory.path).paths.map(\.components) == (try findAll(directory.path))) }
    }

    @Test func attributesAndIdentityAreThoseOfStat() throws {
        let make = try TreeMaker(directory.path)
        try make.file("f", [1, 2, 3, 4])
        try make.symlink("l", to: "somewhere else")
        try make.directory(TreePath(slashed: "d"))
        chmod(directory("f"), 0o6751)
        chmod(directory("d"), 0o1770)
        let image = try scan(directory.path)
        for index in 0..<image.count {
            let status = try FileStatus(
                at: Descriptor.workingDirectory, directory(image.slashedPaths[index]))
            #expect(image.attributes(at: index) == status.attributes)
            #expect(image.identity(at: index) == status.identity)
        }
        #expect(image.attributes(at: 0).mode == 0o1770 && image.attributes(at: 1).mode == 0o6751)
        #expect(image.attributes(at: 2).size == 14 && image.attributes(at: 2).mode == 0)
    }

    @Test func socketsFifosAndDevicesAreUntracked() throws {
        let make = try TreeMaker(directory.path)
        try make.fifo("fifo")
        try make.file("file")
        #expect(mknod(directory("socket"), S_IFSOCK | 0o600, 0) == 0)
        if isRoot { #expect(mknod(directory("null"), S_IFCHR | 0o600, dev_t(0x103)) == 0) }
        let image = try scan(directory.path)
        #expect(image.untrackedCount == (isRoot ? 3 : 2) && image.topLevelCount == 1)
        let untracked = (0..<image.count).filter { image.kind(at: $0) == .untracked }
        #expect(untracked.count == image.untrackedCount)
    }

    @Test func headwatersOwnDirectoryIsSkippedAtEveryLevel() throws {
        let make = try TreeMaker(directory.path)
        mkdir(directory(".headwater"), 0o700)
        try make.file("a/b/x")
        mkdir(directory("a/.headwater"), 0o700)
        close(creat(directory("a/.headwater/inside"), 0o600))
        mkdir(directory("a/b/.headwater"), 0o700)
        let image = try scan(directory.path)
        #expect(image.slashedPaths == ["a", "a/b", "a/b/x"])
        #expect(image.untrackedCount == 2 && image.problems.isEmpty)
    }

    @Test func anUnreadableDirectoryIsIncompleteAndAProblem() throws {
        let make = try TreeMaker(directory.path)
        try make.file("closed/inside")
        try make.file("open/inside")
        try make.file("unsearchable/inside")
        chmod(directory.path, 0o755)
        chmod(directory("closed"), 0)
        chmod(directory("unsearchable"), 0o444)
        let path = directory.path
        let image = try WorkerThread("plain-user") {
            // Of this thread only; drops the capabilities that pass over permissions.
            let setFileSystemUser = unsafeBitCast(
                dlsym(nil, "setfsuid"), to: (@convention(c) (uid_t) -> Int32).self)
            if isRoot { _ = setFileSystemUser(65534) }
            return try scan(path, threads: 1)
        }.join()
        #expect(image.slashedPaths == ["closed", "open", "open/inside", "unsearchable", "unsearchable/inside"])
        #expect((0..<5).map(image.isIncomplete) == [true, false, false, false, true])
        #expect(image.kind(at: 0) == .directory && image.kind(at: 4) == .problem)
        #expect(image.problems.map(\.path.description) == ["closed", "unsearchable/inside"])
        #expect(image.problems.map(\.error.errno) == [EACCES, EACCES])
    }

    @Test(.enabled(if: isRoot, "mounting needs root"), arguments: [true, false])
    func whatIsMountedInsideIsAProblemAndNotEntered(isOfThisFileSystem: Bool) throws {
        let other = TemporaryDirectory("mounted")
        try TreeMaker(directory.path).file("mounted/hidden/file")
        let target = directory("mounted")
        let mount = isOfThisFileSystem ? ["--bind", other.path] : ["-t", "tmpfs", "none"]
        #expect(try ChildProcess.run(["mount"] + mount + [target]).exit == 0)
        defer { _ = try? ChildProcess.run(["umount", "-l", target]) }
        close(creat(target + "/on-the-other-side", 0o600))
        let image = try scan(directory.path)
        #expect(image.slashedPaths == ["mounted"])
        #expect(image.kind(at: 0) == .problem && image.isIncomplete(at: 0))
        #expect(image.problems.map(\.error.errno) == [EXDEV])
    }

    /// Directories become symlinks out of the tree, files and nothing, under the eyes of the scan.
    @Test func aTreeThatChangesMeanwhileGivesAnOrderedImageOfTheTreeAlone() throws {
        let outside = TemporaryDirectory("outside")
        try TreeMaker(outside.path).file("secret/never-to-be-seen")
        let make = try TreeMaker(directory.path)
        for number in 0..<20 { try make.file("d\(number)/sub/file") }
        let done = Monitor(false)
        let (path, target) = (directory.path, outside.path + "/secret")
        let mutator = WorkerThread("mutator") {
            var round = 0
            while !done.read({ $0 }) {
                let place = path + "/d\(round % 20)/sub"
                rename(place, place + "-away")
                switch round / 20 % 3 {
                case 0: symlink(target, place)
                case 1: close(creat(place, 0o600))
                default: mkdir(place, 0o700)
                }
                if round % 2 == 0 { rename(path + "/d\(round % 20)", path + "/gone") }
                if round % 2 == 0 { rename(path + "/gone", path + "/d\(round % 20)") }
                if remove(place) != 0 { rmdir(place) }
                rename(place + "-away", place)
                round += 1
            }
        }
        for _ in 0..<100 {
            let paths = try scan(path).paths
            #expect(zip(paths, paths.dropFirst()).allSatisfy { $0 < $1 })
            #expect(paths.allSatisfy { !$0.description.contains("never-to-be-seen") })
            let known = Set(paths + [.root])
            #expect(paths.allSatisfy { known.contains($0.parent) })
        }
        done.update { $0 = true }
        try mutator.join()
    }
}
