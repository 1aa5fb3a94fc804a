import Core
import Foundation
import Glibc
import Platform
import TestSupport
import Testing

@testable import Roots

/// Looking at a root finds what is there and leaves nothing behind.
@Suite struct ExaminationTests {
    private let directory = TemporaryDirectory("examine")

    private func facts(
        _ path: String, mount: String? = nil, database: String? = nil, subpaths: [String] = [""],
        until deadline: UInt64 = MonotonicClock.after(seconds: 60)
    ) -> RootFacts {
        RootExamination.facts(
            path: directory(path), mount: mount, database: database, subpaths: subpaths, until: deadline)
    }

    private func traces() throws -> [String] {
        try ([""] + FileManager.default.subpathsOfDirectory(atPath: directory.path).sorted()).map { path in
            var status = stat()
            lstat(directory(path), &status)
            return "\(path) \(status.st_ino) \(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
        }
    }

    private func make(_ path: String, _ bytes: Int = 0) throws {
        let url = URL(fileURLWithPath: directory(path))
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(count: bytes).write(to: url)
    }

    @Test func tree_isCounted_withoutWhatIsOurs() throws {
        for index in 0..<10 { try make("root/a/b\(index % 3)/f\(index)", 100) }
        try make("root/.headwater/s/snap.db", 5000)
        symlink("nowhere", directory("root/link"))
        mkfifo(directory("root/fifo"), 0o600)
        let found = facts("root", subpaths: ["", "a", "a/b1", "none"])
        #expect(found.kind == .directory && found.isReadable && found.isWritable)
        #expect(found.trees[0].map { [$0.entries, $0.directories, $0.bytes] } == [15, 4, 1000])
        #expect(found.trees[1].map { [$0.entries, $0.directories] } == [13, 3])
        #expect(found.trees[2]?.entries == 3 && found.trees[3] == nil)
        #expect(found.trees[0]?.isComplete == true)
    }

    @Test func timeThatIsOut_isAnAtLeast() throws {
        try make("root/a/f", 100)
        let found = facts("root", until: 0)
        #expect(found.trees[0]?.isComplete == false && found.trees[0]?.entries == 1)
    }

    @Test func awkwardNames_areCounted() throws {
        mkdir(directory("root"), 0o755)
        try AwkwardTree.build(at: directory("root"))
        let listing = try TreeListing(directory("root"))
        let size = try #require(facts("root").trees[0])
        #expect(Int(size.entries) == listing.nodes.count && Int(size.directories) == listing.directories)
        #expect(Int(size.bytes) == listing.bytes)
    }

    @Test func looking_leavesNoTrace_withAndWithoutADirectoryOfOurs() throws {
        try make("root/Name", 10)
        var before = try traces()
        let plain = facts("root")
        #expect(try traces() == before)
        #expect(plain.fileSystem!.abilities.allSatisfy { $0.source != .byType } || plain.fileSystem!.type != "unknown")
        mkdir(directory("root/.headwater"), 0o700)
        before = try traces()
        let ours = facts("root")
        #expect(try traces() == before)
        let tried = ours.fileSystem!.abilities.filter { $0.source == .tried }.map(\.ability)
        for ability in [Ability.exchange, .hardLinks, .exactNames] { #expect(tried.contains(ability), "\(ability)") }
    }

    @Test func abilities_areThoseThatTheFileSystemReallyHas() throws {
        try make("root/Name")
        mkdir(directory("root/.headwater"), 0o700)
        let disk = try #require(facts("root").fileSystem)
        #expect(disk.has(.caseSensitive) == (access(directory("root/nAME"), F_OK) != 0))
        #expect(disk.has(.hardLinks) == (link(directory("root/Name"), directory("root/other")) == 0))
        #expect(disk.freeBytes > 0 && disk.totalBytes >= disk.freeBytes && !disk.device.isEmpty)
        #expect(disk.timeStepNanoseconds == 1, "\(disk.type)")
        #expect(disk.has(.unnamedFiles) != nil && disk.has(.reflink) != nil && disk.has(.extendedAttributes) != nil)
    }

    @Test func missingRoot_isJudgedByItsParent() throws {
        mkdir(directory("parent"), 0o755)
        let found = facts("parent/root")
        #expect(found.kind == .missing && found.isParentThere && found.isWritable && found.fileSystem != nil)
        let deep = facts("parent/no/root")
        #expect(deep.kind == .missing && !deep.isParentThere && deep.fileSystem == nil)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory("parent")) == [])
    }

    @Test func whatIsNoDirectory_isOther() throws {
        try make("root")
        #expect(facts("root").kind == .other)
        symlink(directory("gone"), directory("link"))
        #expect(facts("link").kind == .missing)
    }

    @Test func mark_mustBeThere() throws {
        try make("root/sub/.mounted")
        #expect(facts("root", mount: "sub/.mounted").isMarkThere == true)
        #expect(facts("root", mount: ".mounted").isMarkThere == false)
        #expect(facts("root").isMarkThere == nil)
    }

    @Test(.enabled(if: geteuid() != 0, "root may everything"))
    func permissions_areThoseOfThisUser() throws {
        mkdir(directory("root"), 0o555)
        let found = facts("root")
        #expect(found.isReadable && !found.isWritable && !found.database.isWritable)
        chmod(directory("root"), 0o000)
        #expect(!facts("root").isReadable)
    }

    @Test func databaseApart_isLookedAt() throws {
        mkdir(directory("root"), 0o755)
        #expect(!facts("root", database: directory("db")).database.isThere)
        mkdir(directory("db"), 0o755)
        let place = facts("root", database: directory("db")).database
        #expect(place.isThere && place.isWritable && place.path == directory("db"))
    }
}
