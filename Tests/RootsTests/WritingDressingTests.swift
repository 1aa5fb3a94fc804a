import Core
import Glibc
import Platform
import Roots
import Testing

/// Owner, group, setuid and setgid of what is put into a tree, and what is left as it stands.
@Suite struct WritingDressingTests {
    private func dressed(_ user: UInt32?, _ group: UInt32?, special: UInt16 = 0) -> Dressing {
        var dressing = Dressing()
        (dressing.user, dressing.group, dressing.specialBits) = (user, group, special)
        return dressing
    }

    private func staged(_ tree: WritingFixture, _ mode: UInt16, _ dressing: Dressing) throws -> StagedFile {
        let writer = try tree.stage.file(tree.attributes(.file, mode: mode, size: 1), dressing)
        try [UInt8(1)].withUnsafeBytes { try writer.write($0) }
        return try writer.finish()
    }

    @Test func everyKind_isGivenToWhoItIsFor_withWhatActsUnderThem() throws {
        guard geteuid() == 0 else { return }
        let tree = try WritingFixture()
        tree.write("standing", "x")
        let all = dressed(1, 8, special: 0o6000)
        let batch: [Operation] = [
            .putFile(try TreePath(slashed: "f"), try staged(tree, 0o6755, all), expected: .absent),
            .putFile(try TreePath(slashed: "plain"), try staged(tree, 0o6755, dressed(1, nil)), expected: .absent),
            .putSymlink(
                try TreePath(slashed: "l"), target: [0x66], tree.attributes(.symlink, size: 1), all, expected: .absent),
            .makeDirectory(
                try TreePath(slashed: "d"), tree.attributes(.directory, mode: 0o2775), all, expected: .absent),
            .setAttributes(
                try TreePath(slashed: "standing"), tree.attributes(.file, mode: 0o4711, size: 1), all,
                expected: tree.expected("standing")),
        ]
        let outcomes = try Applier(tree.stage).apply(batch)
        #expect(!outcomes.map(\.isDone).contains(false))
        let found = ["f", "plain", "l", "d", "standing"].map { name in
            tree.status(name).map { [UInt32($0.kind == .symlink ? 0 : $0.permissions), $0.userID, $0.groupID] }
        }
        #expect(found == [[0o6755, 1, 8], [0o755, 1, getegid()], [0, 1, 8], [0o2775, 1, 8], [0o4711, 1, 8]])
        for (name, outcome) in zip(["f", "plain", "l", "d", "standing"], outcomes) {
            #expect(outcome == .done(EntryStatus(try #require(tree.status(name)))))
        }
    }

    @Test func modeAndTimeThatAreNotSet_stay() throws {
        let tree = try WritingFixture()
        tree.mkdir("d", 0o751)
        tree.write("f", "x")
        #expect(chmod(tree("f"), 0o4640) == 0)
        var dressing = Dressing()
        (dressing.setsMode, dressing.setsTime) = (false, false)
        let before = try #require(tree.status("f"))
        let batch: [Operation] = [
            .setAttributes(
                try TreePath(slashed: "f"), tree.attributes(.file, mode: 0o600, size: 1), dressing,
                expected: tree.expected("f")),
            .makeDirectory(
                try TreePath(slashed: "d"), tree.attributes(.directory, mode: 0o700), dressing,
                expected: tree.expected("d")),
        ]
        let outcomes = try Applier(tree.stage).apply(batch)
        #expect(!outcomes.map(\.isDone).contains(false))
        #expect(tree.status("f")?.permissions == 0o4640 && tree.status("f")?.mtime == before.mtime)
        #expect(tree.status("d")?.permissions == 0o751 && tree.status("d")?.mtime != WritingFixture.time)
    }

    @Test(arguments: [true, false])
    func directory_hasTheTimeItHad_onlyWhereTimesAreKept(keepsTimes: Bool) throws {
        let tree = try WritingFixture()
        tree.mkdir("d")
        let made = try Applier(tree.stage).apply([tree.make("d")])
        #expect(!made.map(\.isDone).contains(false))
        #expect(tree.status("d")?.mtime == WritingFixture.time)
        let put = try Applier(tree.stage, keepsTimes: keepsTimes).apply([tree.put("d/f", "x")])
        #expect(!put.map(\.isDone).contains(false))
        #expect((tree.status("d")?.mtime == WritingFixture.time) == keepsTimes)
    }

    @Test func zeros_areHolesWhereTheFileHasSome_andHaveTheirSizeAllTheSame() throws {
        let tree = try WritingFixture()
        let size = 3 << 20
        let writer = try tree.stage.file(tree.attributes(.file, size: size), stored: 4096)
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        let data = zeros.dropLast(4096) + [UInt8](repeating: 7, count: 4096)
        try zeros.withUnsafeBytes { try writer.write($0) }
        try Array(data).withUnsafeBytes { try writer.write($0) }
        try writer.skip(1 << 20)
        let outcomes = try Applier(tree.stage).apply([
            .putFile(try TreePath(slashed: "f"), try writer.finish(), expected: .absent)
        ])
        #expect(!outcomes.map(\.isDone).contains(false))
        let status = try #require(tree.status("f"))
        #expect(status.size == UInt64(size) && status.storedBytes < 1 << 20)
        let file = try Descriptor(at: Descriptor.workingDirectory, tree("f"), O_RDONLY)
        #expect(try nextData(of: file.raw, from: 0, size: UInt64(size))?.start == (2 << 20) - 4096)
        #expect(try nextData(of: file.raw, from: 2 << 20, size: UInt64(size)) == nil)
    }
}
