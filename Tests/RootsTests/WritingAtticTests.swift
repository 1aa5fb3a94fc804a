import Core
import Foundation
import Glibc
import Platform
@testable import Roots
import TestSupport
import Testing

/// What is displaced goes to the attic, on every kind of file system, and after a kill (invariants 1 and 6).
@Suite struct WritingAtticTests {
    private static let moment = Timestamp(seconds: 1_770_000_000, nanoseconds: 5)
    private static let stamp = "~20260202T024000Z"

    private struct WithAttic {
        let tree: WritingFixture
        let stage: Stage
        let attic: String

        init(_ path: String? = nil) throws {
            tree = try WritingFixture()
            let place = AtticPlace(path: try path.map { try TreePath(slashed: $0) }, at: WritingAtticTests.moment)
            stage = try Stage(root: tree.root.raw, session: "kept", attic: place)
            attic = path ?? ".headwater/kept/attic"
        }

        func staged(_ content: String) throws -> StagedFile {
            let writer = try stage.file(tree.attributes(.file, size: content.utf8.count))
            try Array(content.utf8).withUnsafeBytes { try writer.write($0) }
            return try writer.finish()
        }

        func put(_ name: String, _ content: String) throws -> Roots.Operation {
            .putFile(try TreePath(slashed: name), try staged(content), expected: tree.expected(name))
        }

        func read(_ name: String) -> String? { tree.read("\(attic)/\(name)") }

        func leftovers() throws -> [String] { try tree.leftovers(session: "kept") }
    }

    @Test(arguments: [RenameAbility.full, .noReplace, .plain])
    func replacedAndRemoved_areKept(ability: RenameAbility) throws {
        let kept = try WithAttic()
        kept.tree.mkdir("d")
        kept.tree.write("d/replaced", "old")
        kept.tree.write("d/removed", "gone")
        kept.tree.write("type", "a file")
        symlink("some/where", kept.tree("link"))
        let applier = Applier(kept.stage, ability: ability)
        let outcomes = try applier.apply([
            kept.put("d/replaced", "new"), kept.tree.remove("d/removed"), kept.tree.make("type"),
            kept.tree.remove("link"), kept.put("fresh", "x"),
        ])
        #expect(outcomes.map(\.isDone) == [true, false, true, false, true])
        #expect(kept.tree.read("d/replaced") == "new" && kept.tree.status("d/removed") == nil)
        #expect(kept.read("d/replaced" + Self.stamp) == "old")
        #expect(kept.read("d/removed" + Self.stamp) == "gone")
        #expect(kept.read("type" + Self.stamp) == "a file")
        #expect(kept.tree.status("\(kept.attic)/link\(Self.stamp)")?.kind == .symlink)
        #expect(kept.tree.status("\(kept.attic)/fresh\(Self.stamp)") == nil)
        #expect(kept.tree.status("\(kept.attic)/d")?.permissions == 0o700)
        #expect(try kept.leftovers() == [])
    }

    @Test func takenNames_areCountedOn_andNothingInTheAtticIsReplaced() throws {
        let kept = try WithAttic()
        for content in ["one", "two", "three"] {
            kept.tree.write("f", content)
            #expect(try Applier(kept.stage).apply([kept.tree.remove("f")]) == [.removed])
        }
        #expect(kept.read("f" + Self.stamp) == "one")
        #expect(kept.read("f" + Self.stamp + "~2") == "two")
        #expect(kept.read("f" + Self.stamp + "~3") == "three")
    }

    /// A directory of the tree may be named as an entry of the attic is.
    @Test func directoryNamedLikeAKeptEntry_standsBesideIt() throws {
        let kept = try WithAttic()
        kept.tree.write("f", "one")
        _ = try Applier(kept.stage).apply([kept.tree.remove("f")])
        kept.tree.mkdir("f" + Self.stamp)
        kept.tree.write("f\(Self.stamp)/below", "two")
        #expect(try Applier(kept.stage).apply([kept.tree.remove("f\(Self.stamp)/below")]) == [.removed])
        #expect(kept.read("f" + Self.stamp) == "one")
        #expect(kept.read("f\(Self.stamp)~2/below\(Self.stamp)") == "two")
    }

    @Test func names_areCutToFit_andStayWhatTheyAre() throws {
        func name(_ bytes: [UInt8], _ number: Int = 1) -> [UInt8] {
            Attic.name(bytes, Array(Self.stamp.utf8), number).dropLast().map { UInt8(bitPattern: $0) }
        }
        #expect(name(Array("short".utf8)) == Array(("short" + Self.stamp).utf8))
        #expect(name(Array("short".utf8), 12) == Array(("short" + Self.stamp + "~12").utf8))
        #expect(name(Array(repeating: 0x78, count: 255)).count == 255)
        for count in 60...63 {
            let cut = name(Array(String(repeating: "\u{1F600}", count: count).utf8) + [0x78])
            #expect(cut.count <= 255 && String(validating: cut, as: UTF8.self) != nil)
        }
        #expect(name(Array(repeating: 0xBF, count: 255)).count >= 252)
        #expect(TreePath.fault(inName: name(Array(repeating: 0xFF, count: 255))[...]) == nil)
    }

    @Test func atticInTheTree_isMadeWhenItIsNeeded_andTouchesNoTimes() throws {
        let kept = try WithAttic("a/b")
        kept.tree.mkdir("a")
        kept.tree.write("f", "one")
        try setModificationTime(Descriptor.workingDirectory, kept.tree("a"), seconds: 77, nanoseconds: 1)
        #expect(kept.tree.status("a/b") == nil)
        let root = try #require(kept.tree.status(".")).mtime
        #expect(try Applier(kept.stage).apply([kept.tree.remove("f")]) == [.removed])
        #expect(kept.read("f" + Self.stamp) == "one")
        #expect(kept.tree.status("a")?.mtime == Timestamp(seconds: 77, nanoseconds: 1))
        #expect(kept.tree.status(".")?.mtime == root)
    }

    /// What the attic cannot take stays where it is (invariant 1), and nothing leads out of the root (invariant 7).
    @Test(arguments: [RenameAbility.full, .noReplace, .plain])
    func whatCannotBeKept_staysInItsPlace(ability: RenameAbility) throws {
        let kept = try WithAttic()
        kept.tree.mkdir("d")
        for name in ["d/replaced", "d/removed"] { kept.tree.write(name, "old") }
        kept.tree.mkdir(kept.attic)
        kept.tree.mkdir("outside")
        for number in ["", "~2", "~3"] + (4..<100).map({ "~\($0)" }) {
            symlink(kept.tree("outside"), kept.tree("\(kept.attic)/d\(number)"))
        }
        symlink(kept.tree("outside"), kept.tree("\(kept.attic)/d~100"))
        let outcomes = try Applier(kept.stage, ability: ability).apply([
            kept.put("d/replaced", "new"), kept.tree.remove("d/removed"),
        ])
        #expect(outcomes.allSatisfy { $0.errorNumber != nil }, "\(outcomes)")
        #expect(kept.tree.read("d/removed") == "old")
        // Without EXCHANGE the new content stands there by then: the old one is kept for a person.
        #expect(kept.tree.read("d/replaced") == "old" || kept.stage.rescued.count == 1)
        #expect(try FileManager.default.contentsOfDirectory(atPath: kept.tree("outside")) == [])
        #expect(try kept.leftovers() == [])
    }

    @Test func symlinkInPlaceOfTheAttic_isRefusedAtTheStart() throws {
        let tree = try WritingFixture()
        tree.mkdir("outside")
        symlink("outside", tree("attic"))
        let place = AtticPlace(path: try TreePath(slashed: "attic"), at: Self.moment)
        let fault = #expect(throws: HeadwaterError.self) {
            _ = try Stage(root: tree.root.raw, session: "kept", attic: place)
        }
        #expect(fault?.code == "attic.unusable")
    }

    // MARK: After a kill

    /// The state between displacing `f` and keeping it.
    private struct Between {
        let kept: WithAttic
        let expected: Expected

        init() throws {
            kept = try WithAttic()
            kept.tree.write("f", "old")
            expected = kept.tree.expected("f")
            precondition(rename(kept.tree("f"), kept.tree(".headwater/kept/stage/5")) == 0)
        }

        func intend(own: UInt64 = 0, isRemoval: Bool = false, isKept: Bool = true) throws {
            let entry = Intent.Entry(
                number: 5, ownInode: own, isRemoval: isRemoval, isKept: isKept, expected: expected,
                path: try TreePath(slashed: "f"))
            try Intent(entries: [entry]).write(to: kept.stage.intent.raw)
        }

        /// The next start, of a session without an attic of its own.
        func start() throws -> [Rescued] { try Stage(root: kept.tree.root.raw, session: "kept").rescued }

        func inAttic() throws -> [String] {
            let path = kept.tree(kept.attic)
            return (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        }
    }

    @Test(arguments: [true, false])
    func displacedAndNotYetKept_isKeptByTheNextStart(isRemoval: Bool) throws {
        let between = try Between()
        if !isRemoval { between.kept.tree.write("f", "new") }
        let own = isRemoval ? 0 : between.kept.tree.status("f")!.inode
        try between.intend(own: own, isRemoval: isRemoval)
        #expect(try between.start() == [])
        #expect(between.kept.tree.read("f") == (isRemoval ? nil : "new"))
        let names = try between.inAttic()
        #expect(names.count == 1 && names[0].hasPrefix("f~"))
        #expect(between.kept.read(names.first ?? "") == "old")
        #expect(try between.kept.leftovers() == [])
    }

    @Test func parkedForANewOneThatNeverCame_isPutBack_notKept() throws {
        let between = try Between()
        try between.intend(own: 1)
        #expect(try between.start() == [])
        #expect(between.kept.tree.read("f") == "old")
        #expect(try between.inAttic() == [])
    }

    @Test func withoutAnAttic_aKillLeavesNothingBehind() throws {
        let between = try Between()
        try between.intend(isRemoval: true, isKept: false)
        #expect(try between.start() == [])
        #expect(between.kept.tree.status("f") == nil)
        #expect(try between.inAttic() == [])
    }
}
