import Core
import Glibc
import Platform
import Roots
import TestSupport
import Testing

/// Invariant 4: what is not as the plan saw it stays, whenever it changed. The hook runs between the check of a path and its change.
@Suite struct WritingRaceTests {
    private static let abilities = [RenameAbility.full, .noReplace, .plain]

    /// An edit in place: same inode, same size, another time.
    private static func edit(_ tree: WritingFixture, _ name: String) {
        let fd = open(tree(name), O_WRONLY)
        _ = pwrite(fd, "EDIT", 4, 0)
        close(fd)
        try? setModificationTime(Descriptor.workingDirectory, tree(name), seconds: 99, nanoseconds: 1)
    }

    private static let edits: [(String, @Sendable (WritingFixture) -> Void)] = [
        ("edited in place", { edit($0, "f") }),
        (
            "replaced",
            {
                $0.write("other", "EDIT")
                rename($0("other"), $0("f"))
            }
        ),
        (
            "turned into a symlink",
            {
                unlink($0("f"))
                symlink("/etc/passwd", $0("f"))
            }
        ),
    ]

    @Test(arguments: abilities, [false, true])
    func aFileEditedBeforeItIsChanged_isLeftAlone(_ ability: RenameAbility, afterTheCheck: Bool) throws {
        for (name, edit) in Self.edits {
            for isRemoval in [false, true] {
                let tree = try WritingFixture()
                tree.write("f", "seen")
                let operation = isRemoval ? try tree.remove("f") : try tree.put("f", "from upstream")
                if !afterTheCheck { edit(tree) }
                let applier = Applier(tree.stage, ability: ability) { _ in if afterTheCheck { edit(tree) } }
                #expect(try applier.apply([operation]) == [.changedMeanwhile], "\(name), removal: \(isRemoval)")
                if name == "turned into a symlink" {
                    #expect(tree.status("f")?.kind == .symlink)
                } else {
                    #expect(tree.read("f") == "EDIT", "\(name), removal: \(isRemoval)")
                }
                #expect(try tree.leftovers() == [], "\(name)")
                #expect(tree.stage.rescued.isEmpty)
            }
        }
    }

    @Test func anEditWhoseTimeWasPutBack_showsInTheChangeTime() throws {
        for isRemoval in [false, true] {
            let tree = try WritingFixture()
            tree.write("f", "seen")
            let mtime = try #require(tree.status("f")).mtime
            let operation = isRemoval ? try tree.remove("f") : try tree.put("f", "from upstream")
            // A kernel with coarse times gives what happens within one tick the same time.
            let seen = try #require(tree.status("f")).ctime
            repeat { tree.write("clock", "") } while tree.status("clock")!.ctime <= seen
            Self.edit(tree, "f")
            try setModificationTime(
                Descriptor.workingDirectory, tree("f"), seconds: mtime.seconds, nanoseconds: mtime.nanoseconds)
            #expect(try Applier(tree.stage).apply([operation]) == [.changedMeanwhile])
            #expect(tree.read("f") == "EDIT")
        }
    }

    @Test(arguments: abilities) func aFileDeletedAfterTheCheck_staysDeleted(_ ability: RenameAbility) throws {
        let tree = try WritingFixture()
        tree.write("f", "seen")
        let applier = Applier(tree.stage, ability: ability) { _ in unlink(tree("f")) }
        #expect(try applier.apply([tree.put("f", "from upstream")]) == [.changedMeanwhile])
        #expect(tree.status("f") == nil)
        #expect(try tree.leftovers() == [])
    }

    @Test(arguments: abilities) func anEntryCreatedAfterTheCheck_isNotReplaced(_ ability: RenameAbility) throws {
        let tree = try WritingFixture()
        let applier = Applier(tree.stage, ability: ability) { path in tree.write(path.description, "mine") }
        let outcomes = try applier.apply([
            tree.put("f", "from upstream"), tree.link("l", "upstream"), tree.make("d"),
        ])
        #expect(outcomes == [.changedMeanwhile, .changedMeanwhile, .changedMeanwhile])
        for name in ["f", "l", "d"] { #expect(tree.read(name) == "mine") }
        #expect(try tree.leftovers() == [])
    }

    @Test(arguments: abilities) func aDirectoryFilledAfterTheCheck_keepsWhatIsInIt(_ ability: RenameAbility) throws {
        for isRemoval in [false, true] {
            let tree = try WritingFixture()
            tree.mkdir("d")
            let operation = isRemoval ? try tree.remove("d") : try tree.put("d", "from upstream")
            let applier = Applier(tree.stage, ability: ability) { _ in tree.write("d/mine", "mine") }
            #expect(try applier.apply([operation]) == [.kept])
            #expect(tree.read("d/mine") == "mine")
        }
    }

    @Test func aParentReplacedByASymlink_leadsNowhere() throws {
        let outside = TemporaryDirectory("outside")
        let tree = try WritingFixture()
        tree.mkdir("d")
        tree.write("d/f", "seen")
        let batch = try [
            tree.put("d/f", "x"), tree.put("d/new", "x"), tree.make("d/sub"), tree.link("d/l", "x"), tree.remove("d/f"),
        ]
        rename(tree("d"), tree("moved"))
        symlink(outside.path, tree("d"))
        let outcomes = try Applier(tree.stage).apply(batch)
        for outcome in outcomes { #expect([ELOOP, ENOTDIR].contains(outcome.errorNumber)) }
        #expect(try run("/bin/ls", "-A", outside.path).output == "")
        #expect(tree.read("moved/f") == "seen")
        #expect(try tree.leftovers() == [])
    }

    @Test func aParentThatFlips_betweenADirectoryAndASymlink_neverLeadsOutside() throws {
        let outside = TemporaryDirectory("outside")
        let tree = try WritingFixture()
        tree.mkdir("d")
        symlink(outside.path, tree("other"))
        let flips = Monitor((stop: false, count: 0))
        let (one, two) = (tree("d"), tree("other"))
        let flipper = WorkerThread("flipper") {
            while !flips.read({ $0.stop }) {
                try rename(at: Descriptor.workingDirectory, one, to: Descriptor.workingDirectory, two, .exchange)
                flips.update { $0.count += 1 }
            }
        }
        let applier = Applier(tree.stage)
        var refused = 0
        for round in 0..<400 {
            let outcomes = try applier.apply([
                .putFile(try TreePath(slashed: "d/f\(round)"), try tree.staged("x"), expected: .absent),
                .makeDirectory(
                    try TreePath(slashed: "d/d\(round)"), tree.attributes(.directory), expected: .absent),
            ])
            refused += outcomes.count { [ELOOP, ENOTDIR].contains($0.errorNumber) }
        }
        flips.update { $0.stop = true }
        try flipper.join()
        #expect(flips.read { $0.count } > 0)
        #expect(refused > 0, "the flipping was never met")
        #expect(try run("/bin/ls", "-A", outside.path).output == "")
    }

    @Test func aStageThatIsASymlink_orSomebodyElses_isRefused() throws {
        let outside = TemporaryDirectory("outside")
        let directory = TemporaryDirectory("stage")
        symlink(outside.path, directory(".headwater"))
        let error = #expect(throws: HeadwaterError.self) { try WritingFixture(directory.path) }
        #expect(error?.code == "stage.unsafe")
        #expect(try run("/bin/ls", "-A", outside.path).output == "")
        unlink(directory(".headwater"))
        mkdir(directory(".headwater"), 0o777)
        if geteuid() == 0 {
            chown(directory(".headwater"), 65534, 65534)
            let error = #expect(throws: HeadwaterError.self) { try WritingFixture(directory.path) }
            #expect(error?.code == "stage.unsafe")
        }
    }

    @Test func aStageOpenToOthers_isClosed_andItsLeftoversRemoved() throws {
        let directory = TemporaryDirectory("stage")
        mkdir(directory(".headwater"), 0o777)
        mkdir(directory(".headwater/test"), 0o777)
        mkdir(directory(".headwater/test/stage"), 0o777)
        close(open(directory(".headwater/test/stage/7"), O_CREAT | O_WRONLY, 0o600))
        mkdir(directory(".headwater/test/stage/8"), 0o700)
        let tree = try WritingFixture(directory.path)
        #expect(tree.status(".headwater/test/stage")?.permissions == 0o700)
        #expect(try tree.leftovers() == [])
    }
}
