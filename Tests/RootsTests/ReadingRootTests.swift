import Content
import Core
import Foundation
import Glibc
import Platform
import TestSupport
import Testing

@testable import Roots

@Suite("A root")
struct ReadingRootTests {
    let directory = TemporaryDirectory("root")

    private func fault(_ body: () throws -> Void) -> RootFault? {
        do {
            try body()
            return nil
        } catch { return error as? RootFault }
    }

    @Test func whatIsNoDirectoryOrMissingOrUnmountedIsRefused() throws {
        try TreeMaker(directory.path).file("file")
        #expect(fault { _ = try Root.open(path: directory("none")) } == .missing)
        #expect(fault { _ = try Root.open(path: directory("file")) } == .notDirectory)
        #expect(fault { _ = try Root.open(path: directory("file/below")) } == .notDirectory)
        #expect(
            fault { _ = try Root.open(path: directory.path, mount: ".mounted") } == .unmounted(file: ".mounted"))
        try TreeMaker(directory.path).file("sub/.mounted")
        #expect(fault { _ = try Root.open(path: directory.path, mount: "sub/.mounted") } == nil)
    }

    @Test func aSymlinkIsResolvedOnceAndSaid() throws {
        let make = try TreeMaker(directory.path)
        try make.file("real/file")
        try make.symlink("link", to: "real")
        let root = try Root.open(path: directory("link"))
        #expect(root.wasSymlink && root.canonicalPath.hasSuffix("/real") && root.stillThere() == nil)
        #expect(try !Root.open(path: directory("real")).wasSymlink)
        try make.file("elsewhere/file")
        unlink(directory("link"))
        try make.symlink("link", to: "elsewhere")
        #expect(root.stillThere() == .replaced)
    }

    @Test func itIsNoticedWhenThePathNamesSomethingElse() throws {
        let path = directory("tree")
        try TreeMaker(directory.path).file("tree/.mounted")
        let root = try Root.open(path: path, mount: ".mounted")
        #expect(root.stillThere() == nil)
        unlink(path + "/.mounted")
        #expect(root.stillThere() == .unmounted(file: ".mounted"))
        rename(path, path + "-away")
        #expect(root.stillThere() == .missing)
        close(creat(path, 0o600))
        #expect(root.stillThere() == .notDirectory)
        unlink(path)
        mkdir(path, 0o700)
        #expect(root.stillThere() == .replaced)
        rmdir(path)
        rename(path + "-away", path)
        close(creat(path + "/.mounted", 0o600))
        #expect(root.stillThere() == nil)
    }

    @Test(.enabled(if: isRoot, "mounting needs root")) func anotherFileSystemInItsPlaceIsNoticed() throws {
        let path = directory("tree")
        mkdir(path, 0o700)
        let root = try Root.open(path: path)
        #expect(try ChildProcess.run(["mount", "-t", "tmpfs", "none", path]).exit == 0)
        defer { _ = try? ChildProcess.run(["umount", "-l", path]) }
        #expect(root.stillThere() == .otherFileSystem)
    }

    @Test func oneDirectoryHasOneRootWhateverItsNames() throws {
        let make = try TreeMaker(directory.path)
        try make.file("real/file")
        try make.symlink("link", to: "real")
        let registry = RootRegistry()
        let root = try registry.root(path: directory("real"))
        #expect(try registry.root(path: directory("link")) === root)
        #expect(try registry.root(path: directory("real/../real/")) === root)
        #expect(try registry.root(path: directory.path) !== root)
        #expect(fault { _ = try registry.root(path: directory("real"), mount: "none") } == .unmounted(file: "none"))
    }

    @Test func oneScanServesAllWhoWait() throws {
        let make = try TreeMaker(directory.path)
        for number in 0..<500 { try make.file("d\(number % 50)/f\(number)") }
        let root = try Root.open(path: directory.path)
        let sessions = (0..<16).map { _ in WorkerThread("session") { try root.view(since: 0) } }
        let images = try sessions.map { try $0.join() }
        #expect(root.scansCount == 1)
        #expect(images.allSatisfy { $0 === images[0] && $0.count == 550 })
    }

    @Test func aViewIsNeverOlderThanAskedNorThanOwnWrites() throws {
        let root = try Root.open(path: directory.path)
        let first = try root.view(since: 3)
        #expect(try root.view(since: 0) === first)
        #expect(try root.view(since: 3) === first)
        let second = try root.view(since: 4)
        #expect(second !== first && second.startedAt > first.startedAt)
        root.noteWrites()
        #expect(try root.view(since: 0) !== second)
        #expect(root.scansCount == 3)
    }

    @Test func viewsAndWritesFromManyThreadsAlwaysShowWhatWasWrittenBefore() throws {
        let root = try Root.open(path: directory.path)
        let path = directory.path
        let writers = (0..<4).map { writer in
            WorkerThread("writer") {
                for number in 0..<25 {
                    close(creat("\(path)/w\(writer)-\(number)", 0o600))
                    root.noteWrites()
                    let image = try root.view(since: 0)
                    let own = try TreePath(slashed: "w\(writer)-\(number)")
                    guard image.index(of: own) != nil else { return false }
                }
                return true
            }
        }
        for writer in writers { #expect(try writer.join()) }
    }

    @Test(arguments: [0, 1, 4, Segment.bytes, Segment.bytes + 1, 3 * Segment.bytes, 3 * Segment.bytes + 7])
    func contentDigestIsThatOfTheFormat(size: Int) {
        let content = TreeBuilder.noise(size, seed: 7)
        let segments = stride(from: 0, to: size, by: Segment.bytes).map {
            Hash.digest(Array(content[$0..<min($0 + Segment.bytes, size)]))
        }
        let list = segments.flatMap { digest in
            [digest.high, digest.low].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) }
            }
        }
        let expected = size <= Segment.bytes ? Hash.digest(content) : Hash.digest(list)
        #expect(ContentDigest.of(content) == expected)
        var stream = ContentDigest()
        for segment in segments { stream.add(segment: segment) }
        #expect(stream.finish() == expected)
        #expect(segments.count == Segment.count(ofSize: UInt64(size)))
        #expect((0..<segments.count).reduce(0) { $0 + Segment.size(at: $1, ofSize: UInt64(size)) } == size)
    }
}
