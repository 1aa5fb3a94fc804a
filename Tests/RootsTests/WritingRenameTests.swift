import Core
import Foundation
import Glibc
import Platform
import Testing

@testable import Roots

/// An entry gets another name, and is the very same inode there.
@Suite struct WritingRenameTests {
    private static let abilities = [RenameAbility.full, .noReplace, .plain]

    private func move(_ tree: WritingFixture, _ from: String, _ to: String) throws -> Roots.Operation {
        .move(from: try TreePath(slashed: from), to: try TreePath(slashed: to), expected: tree.expected(from))
    }

    private func exchange(_ tree: WritingFixture, _ a: String, _ b: String) throws -> Roots.Operation {
        .exchange(
            try TreePath(slashed: a), try TreePath(slashed: b), expected: tree.expected(a), other: tree.expected(b))
    }

    private func filled() throws -> WritingFixture {
        let tree = try WritingFixture()
        tree.mkdir("d")
        tree.mkdir("d/e")
        tree.write("d/f", "f")
        tree.write("d/e/g", "g")
        tree.write("x", "x")
        tree.mkdir("to")
        symlink("nowhere", tree("l"))
        return tree
    }

    @Test(arguments: abilities)
    func everyKind_keepsItsInode_andTheDirectoriesTheirTimes(ability: RenameAbility) throws {
        let tree = try filled()
        let inodes = ["x", "l", "d", "d/e/g"].map { tree.status($0)!.inode }
        for name in ["d", "to", "."] {
            try setModificationTime(Descriptor.workingDirectory, tree(name), seconds: 77, nanoseconds: 5)
        }
        let outcomes = try Applier(tree.stage, ability: ability).apply([
            move(tree, "x", "to/x2"), move(tree, "l", "l2"), move(tree, "d", "to/d2"),
        ])
        #expect(outcomes == ["to/x2", "l2", "to/d2"].map { .done(EntryStatus(tree.status($0)!)) })
        #expect(["to/x2", "l2", "to/d2", "to/d2/e/g"].map { tree.status($0)!.inode } == inodes)
        for name in ["to/d2", "to", "."] {
            #expect(tree.status(name)?.mtime == Timestamp(seconds: 77, nanoseconds: 5), "\(name)")
        }
        #expect(tree.status("x") == nil && tree.status("d") == nil)
        #expect(try tree.leftovers() == [])
    }

    @Test(arguments: abilities)
    func twoChangePlaces_withAllBelowThem(ability: RenameAbility) throws {
        let tree = try filled()
        let inodes = ["x", "d"].map { tree.status($0)!.inode }
        let outcomes = try Applier(tree.stage, ability: ability).apply([exchange(tree, "x", "d")])
        #expect(outcomes == [.exchanged(EntryStatus(tree.status("x")!), EntryStatus(tree.status("d")!))])
        #expect(["d", "x"].map { tree.status($0)!.inode } == inodes && tree.read("x/e/g") == "g")
        #expect(try tree.leftovers() == [])
    }

    @Test func inOneBatch_eachGoesOnFromThoseBefore() throws {
        let tree = try filled()
        tree.write("y", "y")
        let outcomes = try Applier(tree.stage).apply([
            move(tree, "y", "z"), move(tree, "x", "y"), tree.make("new", mode: 0o700), move(tree, "d", "new/d"),
            .move(
                from: try TreePath(slashed: "new/d/f"), to: try TreePath(slashed: "new/f"),
                expected: tree.expected("d/f")),
        ])
        #expect(!outcomes.contains { !$0.isDone })
        #expect(tree.read("z") == "y" && tree.read("y") == "x" && tree.read("new/f") == "f")
        #expect(tree.read("new/d/e/g") == "g")
    }

    @Test(arguments: abilities)
    func takenName_orOtherEntry_isLeftAlone(ability: RenameAbility) throws {
        let tree = try filled()
        tree.write("taken", "taken")
        let stale = try move(tree, "x", "z")
        tree.write("x", "an edit")
        let outcomes = try Applier(tree.stage, ability: ability).apply([
            move(tree, "d", "taken"), stale, move(tree, "never", "z"), move(tree, "l", "no/way"),
            .exchange(
                try TreePath(slashed: "d"), try TreePath(slashed: "x"), expected: tree.expected("d"),
                other: tree.expected("taken")),
        ])
        #expect(outcomes.allSatisfy { $0 == .changedMeanwhile })
        #expect(tree.read("taken") == "taken" && tree.read("x") == "an edit" && tree.read("d/f") == "f")
        #expect(tree.status("l")?.kind == .symlink && tree.status("z") == nil)
        #expect(try tree.leftovers() == [])
    }

    /// An edit between the check and the rename: what came out is looked at, and goes back.
    @Test(arguments: abilities, [false, true])
    func replacedInBetween_isPutBack(ability: RenameAbility, exchanging: Bool) throws {
        let tree = try filled()
        tree.write("edit", "an edit")
        let applier = Applier(tree.stage, ability: ability) { _ in rename(tree("edit"), tree("x")) }
        let outcomes = try applier.apply([exchanging ? exchange(tree, "x", "d") : move(tree, "x", "z")])
        #expect(outcomes == [.changedMeanwhile])
        #expect(tree.read("x") == "an edit" && tree.status("z") == nil && tree.read("d/f") == "f")
        #expect(try tree.leftovers() == [])
    }

    @Test func nameTakenInBetween_isLeftAlone() throws {
        for ability in Self.abilities {
            let tree = try filled()
            let applier = Applier(tree.stage, ability: ability) { _ in tree.write("z", "somebody's") }
            #expect(try applier.apply([move(tree, "x", "z")]) == [.changedMeanwhile])
            #expect(tree.read("x") == "x" && tree.read("z") == "somebody's")
        }
    }

    /// The state of an exchange by way of the stage after each of its steps, as a kill leaves it.
    @Test(arguments: ["parked", "half", "taken"])
    func killedWhileParked_isUndoneOrFinished(step: String) throws {
        let tree = try filled()
        var intent = Intent.Entry(
            number: 5, ownInode: 0, isRemoval: false, expected: tree.expected("d"), path: try TreePath(slashed: "d"))
        intent.other = try TreePath(slashed: "x")
        try Intent(entries: [intent]).write(to: tree.stage.intent.raw)
        #expect(try Intent.read(from: tree.stage.intent.raw).map(\.other) == [intent.other])
        precondition(rename(tree("d"), tree(".headwater/test/stage/5")) == 0)
        if step != "parked" { precondition(rename(tree("x"), tree("d")) == 0) }
        if step == "taken" { tree.write("x", "a third") }
        let rescued = try Stage(root: tree.root.raw, session: "test").rescued
        #expect(try tree.leftovers() == [])
        switch step {
        case "parked": #expect(tree.read("d/e/g") == "g" && tree.read("x") == "x" && rescued.isEmpty)
        case "half": #expect(tree.read("x/e/g") == "g" && tree.read("d") == "x" && rescued.isEmpty)
        default:
            #expect(tree.read("x") == "a third" && tree.read(".headwater/test/rescued/1/e/g") == "g")
            #expect(rescued == [Rescued(path: intent.path, name: "1")])
        }
    }

    @Test func directoryThatItsOwnerMayNotWrite_isRenamed_andKeepsItsMode() throws {
        let tree = try filled()
        chmod(tree("d"), 0o555)
        chmod(tree("to"), 0o555)
        let outcomes = try Applier(tree.stage).apply([move(tree, "d", "to/d")])
        #expect(!outcomes.contains { !$0.isDone })
        #expect(tree.status("to/d")?.permissions == 0o555 && tree.status("to")?.permissions == 0o555)
        chmod(tree("to"), 0o755)
    }

    @Test func imageAfterRenames_isWhatAScanFinds() throws {
        let tree = try filled()
        tree.write("y", "y")
        tree.mkdir("q")
        tree.write("q/1", "1")
        let root = try Descriptor(at: Descriptor.workingDirectory, tree.path, O_RDONLY | O_DIRECTORY)
        let before = try Scanner().scan(root)
        var changes: [ImageChange] = []
        func perform(_ operation: Roots.Operation) throws {
            switch (operation, try Applier(tree.stage).apply([operation])[0]) {
            case (.move(let from, let to, _), .done(let status)):
                changes.append(.renamed(RowRenaming(from: from, to: to, local: status.identity)))
            case (.exchange(let a, let b, _, _), .exchanged(let here, let there)):
                let renaming = RowRenaming(
                    from: a, to: b, isExchange: true, local: there.identity, otherLocal: here.identity)
                changes.append(.renamed(renaming))
            case (.makeDirectory(let path, _, _, _), .done(let status)):
                changes.append(.published(Published(path: path, status: status)))
            default: Issue.record("not done: \(operation)")
            }
        }
        try perform(move(tree, "d", "to/d"))
        try perform(move(tree, "to/d/f", "f"))
        try perform(tree.make("n"))
        try perform(move(tree, "y", "n/y"))
        try perform(exchange(tree, "x", "q"))
        try perform(exchange(tree, "to", "x"))
        let after = try #require(before.after(changes))
        let scanned = try Scanner().scan(root)
        func entries(_ image: TreeImage) -> [String] {
            (0..<image.count).map { index in
                let kind = image.kind(at: index)
                return "\(TreePath(trusted: image.key(at: index))) \(kind) \(image.identity(at: index).inode)"
            }
        }
        #expect(entries(after) == entries(scanned))
        #expect(after.topLevelCount == scanned.topLevelCount)
    }
}
