import Core
import Glibc
import Platform
import Roots
import Testing

@Suite struct WritingApplierTests {
    @Test func everyKind_isCreatedWithModeAndTime_andTheIdentityTheNextScanSees() throws {
        let tree = try WritingFixture()
        let outcomes = try Applier(tree.stage).apply([
            tree.make("d", mode: 0o750), tree.put("d/f", "content", mode: 0o640), tree.make("d/empty"),
            tree.link("d/l", "../nowhere"), tree.put("zero", ""),
        ])
        for (name, outcome) in zip(["d", "d/f", "d/empty", "d/l", "zero"], outcomes) {
            #expect(outcome == .done(EntryStatus(try #require(tree.status(name)))))
            #expect(tree.status(name)?.mtime == WritingFixture.time)
        }
        #expect(tree.read("d/f") == "content")
        #expect(tree.status("d")?.permissions == 0o750)
        #expect(tree.status("d/f")?.permissions == 0o640)
        #expect(try tree.leftovers() == [])
    }

    @Test func publishing_keepsTheTimesOfUnnamedDirectories_toTheNanosecond() throws {
        let tree = try WritingFixture()
        tree.mkdir("d")
        tree.write("d/old", "1")
        tree.write("d/gone", "1")
        try setModificationTime(Descriptor.workingDirectory, tree("d"), seconds: 77, nanoseconds: 987_654_321)
        let root = try #require(tree.status(".")).mtime
        let outcomes = try Applier(tree.stage).apply([
            tree.put("d/new", "x"), tree.put("d/old", "2"), tree.remove("d/gone"), tree.put("top", "y"),
        ])
        #expect(outcomes.map(\.isDone) == [true, true, false, true] && outcomes[2] == .removed)
        #expect(tree.status("d")?.mtime == Timestamp(seconds: 77, nanoseconds: 987_654_321))
        #expect(tree.status(".")?.mtime == root)
    }

    /// What the plan did not find is looked for again: gone counts, unreachable does not.
    @Test func removalOfWhatWasAbsent_makesSureThatItIs() throws {
        let tree = try WritingFixture()
        tree.write("file", "x")
        tree.write("back", "x")
        symlink("nowhere", tree("link"))
        let paths = ["never", "no/way", "file/below", "link/below", "back"]
        let outcomes = try Applier(tree.stage).apply(
            try paths.map { .remove(try TreePath(slashed: $0), expected: .absent) })
        #expect(outcomes == [.removed, .removed, .removed, .removed, .changedMeanwhile])
        #expect(tree.read("back") == "x")
    }

    @Test func setuidAndSetgid_areNeverGained() throws {
        let tree = try WritingFixture()
        let outcomes = try Applier(tree.stage).apply([
            tree.put("f", "x", mode: 0o6755), tree.make("d", mode: 0o7777),
        ])
        #expect(outcomes.map(\.isDone) == [true, true])
        #expect(tree.status("f")?.permissions == 0o755)
        #expect(tree.status("d")?.permissions == 0o1777)
    }

    @Test func everyKind_takesThePlaceOfEveryOther() throws {
        let tree = try WritingFixture()
        let makers: [(String, (String) throws -> Operation)] = [
            ("file", { try tree.put($0, "content") }), ("link", { try tree.link($0, "target") }),
            ("directory", { try tree.make($0) }),
        ]
        for ability in [RenameAbility.full, .noReplace, .plain] {
            for (old, makeOld) in makers {
                for (new, makeNew) in makers {
                    let name = "\(ability)-\(old)-\(new)"
                    let applier = Applier(tree.stage, ability: ability)
                    #expect(try applier.apply([makeOld(name)])[0].isDone, "\(name)")
                    #expect(try applier.apply([makeNew(name)])[0].isDone, "\(name)")
                    let kind: EntryKind = new == "file" ? .file : new == "link" ? .symlink : .directory
                    #expect(tree.status(name)?.kind == kind, "\(name)")
                }
            }
        }
        #expect(try tree.leftovers() == [])
    }

    @Test func aDirectoryThatIsNotEmpty_isKept_andNeverReplaced() throws {
        let tree = try WritingFixture()
        tree.mkdir("d")
        tree.write("d/mine", "keep me")
        let inode = tree.status("d")?.inode
        for ability in [RenameAbility.full, .plain] {
            let outcomes = try [tree.remove("d"), tree.put("d", "x"), tree.link("d", "y")].map {
                try Applier(tree.stage, ability: ability).apply([$0])[0]
            }
            #expect(outcomes == [.kept, .kept, .kept])
        }
        #expect(tree.read("d/mine") == "keep me")
        #expect(tree.status("d")?.inode == inode)
    }

    @Test func whatIsAchievedAlready_countsAsAchieved() throws {
        let tree = try WritingFixture()
        tree.write("f", "x")
        let removal = try tree.remove("f")
        let making = try tree.make("d")
        unlink(tree("f"))
        tree.mkdir("d", 0o700)
        let outcomes = try Applier(tree.stage).apply([removal, making])
        #expect(outcomes[0] == .removed)
        #expect(outcomes[1].isDone)
        #expect(tree.status("d")?.permissions == 0o755)
    }

    @Test func attributesAlone_areSet_andNotOnAnEditedFile() throws {
        let tree = try WritingFixture()
        tree.write("f", "x")
        tree.write("edited", "x")
        tree.mkdir("d")
        func set(_ name: String, _ kind: EntryKind, _ mode: UInt16) throws -> Operation {
            .setAttributes(
                try TreePath(slashed: name), tree.attributes(kind, mode: mode, size: kind == .file ? 1 : 0),
                expected: tree.expected(name))
        }
        let batch = [try set("f", .file, 0o600), try set("edited", .file, 0o600), try set("d", .directory, 0o711)]
        tree.write("edited", "y")
        let outcomes = try Applier(tree.stage).apply(batch)
        #expect(outcomes.map(\.isDone) == [true, false, true] && outcomes[1] == .changedMeanwhile)
        #expect(outcomes[0] == .done(EntryStatus(try #require(tree.status("f")))))
        #expect(tree.status("f")?.permissions == 0o600 && tree.status("f")?.mtime == WritingFixture.time)
        #expect(tree.status("d")?.permissions == 0o711 && tree.status("d")?.mtime == WritingFixture.time)
        #expect(tree.status("edited")?.permissions == 0o644)
    }

    @Test func namesAreBytes_andPathsMayBeLongerThanPathMax() throws {
        let tree = try WritingFixture()
        let names: [[UInt8]] = [
            [0xFF, 0xFE, 0x80], Array("new\nline".utf8), Array("-rf *\u{1B}[2J".utf8),
            [UInt8](repeating: 0x61, count: 255),
        ]
        var deep = TreePath.root
        var batch = [Operation]()
        for name in names {
            batch.append(.putFile(TreePath(trusted: name), try tree.staged("x"), expected: .absent))
        }
        for _ in 0..<30 {
            deep = deep.appending([UInt8](repeating: 0x64, count: 200))
            batch.append(.makeDirectory(deep, tree.attributes(.directory, mode: 0o755), expected: .absent))
        }
        batch.append(.putFile(deep.appending(Array("f".utf8)), try tree.staged("deep"), expected: .absent))
        let outcomes = try Applier(tree.stage).apply(batch)
        #expect(outcomes.count(where: \.isDone) == batch.count)
        let cursor = TreeCursor(root: tree.root.raw)
        for name in names { close(try cursor.openFile(TreePath(trusted: name), O_RDONLY)) }
        close(try cursor.openFile(deep.appending(Array("f".utf8)), O_RDONLY))
    }

    @Test func oneBadPath_doesNotHinderTheOthers() throws {
        let tree = try WritingFixture()
        let outcomes = try Applier(tree.stage).apply([
            tree.put("missing/f", "x"), tree.put("good", "y"),
        ])
        #expect(outcomes[0].errorNumber == ENOENT)
        #expect(outcomes[1].isDone)
        #expect(try tree.leftovers() == [])
    }

    @Test func everyWayToBecomeDurable_endsAlike() throws {
        for way in [DurabilityWay.none, .wholeFileSystem, .eachFile] {
            let tree = try WritingFixture()
            let applier = Applier(tree.stage, ability: .full, way: way)
            let batch = try [tree.make("d")] + (0..<20).map { try tree.put("d/\($0)", "\($0)") }
            let outcomes = try applier.apply(batch)
            #expect(outcomes.count(where: \.isDone) == batch.count)
            #expect(tree.read("d/19") == "19")
        }
    }

    @Test func contentOfAnotherSizeThanDeclared_isRefused() throws {
        let tree = try WritingFixture()
        let writer = try tree.stage.file(tree.attributes(.file, size: 3))
        let long = #expect(throws: HeadwaterError.self) {
            try [UInt8](repeating: 0, count: 4).withUnsafeBytes { try writer.write($0) }
        }
        #expect(long?.code == "stage.wrong-size")
        let short = #expect(throws: HeadwaterError.self) { _ = try writer.finish() }
        #expect(short?.code == "stage.wrong-size")
    }
}
