import Core
import Foundation
import Glibc
import Platform
@testable import Roots
import TestSupport
import Testing

/// What a kill leaves, and what the next start makes of it (invariant 1).
@Suite struct WritingRecoveryTests {
    /// What is none of ours in the stage is kept aside, and the session goes on.
    @Test func oddLeftOvers_areMovedAside() throws {
        let tree = try WritingFixture()
        let stage = ".headwater/odd/stage"
        _ = try Stage(root: tree.root.raw, session: "odd")
        tree.mkdir(stage + "/1")
        tree.mkdir(stage + "/1/2")
        tree.write(stage + "/1/2/own", "mine")
        unlink(tree(stage + "/intent"))
        mkfifo(tree(stage + "/intent"), 0o600)
        symlink("/nowhere", tree(stage + "/7"))
        let again = try Stage(root: tree.root.raw, session: "odd")
        #expect(again.rescued.count == 2)
        #expect(tree.read(".headwater/odd/rescued/2/2/own") == "mine")
        #expect(try tree.leftovers(session: "odd") == [])
        #expect(try Stage(root: tree.root.raw, session: "odd").rescued == [])
    }

    /// Far beyond every disk: refused before anything is reserved.
    @Test func fileThatCannotFit_isRefusedByWhatIsFree() throws {
        let tree = try WritingFixture()
        for size in [1 << 50, Int.max] {
            let fault = #expect(throws: HeadwaterError.self) {
                _ = try tree.stage.file(tree.attributes(.file, size: size))
            }
            #expect(fault?.code == "stage.no-space")
        }
    }

    private static func turn(_ round: Int) -> String {
        String(repeating: round % 2 == 0 ? "old" : "newer", count: 3000)
    }

    @Test func killedAtRandomMoments_everyPathIsOldOrNew_whole() async throws {
        let directory = TemporaryDirectory("kill")
        for index in 0..<100 {
            try Data(Self.turn(0).utf8).write(to: URL(fileURLWithPath: directory("f\(index)")))
        }
        try killAtRandomMoments(directory, "flip") { tree in
            var turns = Set<String>()
            for index in 0..<100 {
                let content = try #require(tree.read("f\(index)"), "f\(index) is gone")
                turns.insert(content)
                #expect(content == Self.turn(0) || content == Self.turn(1), "f\(index) is neither old nor new")
            }
            return turns.count > 1
        }
    }

    /// Another name is staged as a link: it and the file that it is of must not be mixed up by who clears the stage.
    @Test func killedAtRandomMoments_everyNameIsOneOfTwoFiles_andNoneIsLeft() async throws {
        let directory = TemporaryDirectory("kill")
        for (turn, leader) in ["even", "odd"].enumerated() {
            try Data(Self.turn(turn).utf8).write(to: URL(fileURLWithPath: directory(leader)))
        }
        for index in 0..<100 { #expect(link(directory("even"), directory("f\(index)")) == 0) }
        try killAtRandomMoments(directory, "relink") { tree in
            let leaders = try ["even", "odd"].map { try #require(tree.status($0), "\($0) is gone") }
            var names: [UInt64: UInt32] = [:]
            for index in 0..<100 { names[try #require(tree.status("f\(index)")).inode, default: 0] += 1 }
            for leader in leaders {
                #expect(UInt32(leader.links) == 1 + (names.removeValue(forKey: leader.inode) ?? 0))
            }
            #expect(names.isEmpty, "a name of a third file")
            #expect(tree.read("even") == Self.turn(0) && tree.read("odd") == Self.turn(1))
            return leaders.allSatisfy { $0.links > 1 }
        }
    }

    /// Twenty kills at least, and as many as it takes until one comes between two publishes; each time the next start clears up.
    ///
    /// - Parameter look: what must hold of the tree; returns whether it is a mixture of two turns.
    private func killAtRandomMoments(
        _ directory: TemporaryDirectory, _ mode: String, _ look: (WritingFixture) throws -> Bool
    ) throws {
        var generator = SystemRandomNumberGenerator()
        var (mixtures, kills) = (0, 0)
        while kills < 20 || (mixtures == 0 && kills < 500) {
            kills += 1
            let child = Process()
            child.executableURL = URL(fileURLWithPath: WritingFixture.probe)
            child.arguments = [mode, directory.path, "100", "1000", "none"]
            let output = Pipe()
            child.standardOutput = output
            try child.run()
            // The first batch is about to be applied: from here the moment is chance.
            #expect(output.fileHandleForReading.readData(ofLength: 1) == Data("r".utf8))
            poll(nil, 0, Int32.random(in: 0..<7, using: &generator))
            kill(child.processIdentifier, SIGKILL)
            child.waitUntilExit()
            let tree = try WritingFixture(directory.path, session: "probe")
            #expect(try tree.leftovers(session: "probe") == [])
            if try look(tree) { mixtures += 1 }
        }
        #expect(mixtures > 0, "none of \(kills) kills came between two publishes")
    }

    /// The state between two steps: what stood at `f`, what is in the stage, and the intent that a killed run had written.
    private struct Between {
        let tree: WritingFixture
        let expected: Expected

        init() throws {
            tree = try WritingFixture()
            tree.write("f", "old")
            expected = tree.expected("f")
        }

        /// Moves `f` into the stage, as an exchange or a parking does.
        func displace(to number: UInt64) { precondition(rename(tree("f"), stageName(number)) == 0) }

        func stageName(_ number: UInt64) -> String { tree(".headwater/test/stage/\(number)") }

        func intend(own: UInt64 = 0, isRemoval: Bool = false, torn: Bool = false) throws {
            let entry = Intent.Entry(
                number: 5, ownInode: own, isRemoval: isRemoval, expected: expected,
                path: try TreePath(slashed: "f"))
            try Intent(entries: [entry]).write(to: tree.stage.intent.raw)
            if torn {
                ftruncate(tree.stage.intent.raw, off_t(try FileStatus(descriptor: tree.stage.intent.raw).size - 1))
            }
        }

        /// The next start of the session.
        func start() throws -> [Rescued] { try Stage(root: tree.root.raw, session: "test").rescued }
    }

    @Test func exchangedButNotYetRemoved_isFinished() throws {
        let between = try Between()
        between.displace(to: 5)
        between.tree.write("f", "new")
        try between.intend(own: between.tree.status("f")!.inode)
        #expect(try between.start() == [])
        #expect(between.tree.read("f") == "new")
        #expect(try between.tree.leftovers() == [])
    }

    @Test func exchangedWithSomebodysEdit_isUndone() throws {
        let between = try Between()
        between.tree.write("f", "an edit")
        between.displace(to: 5)
        between.tree.write("f", "new")
        try between.intend(own: between.tree.status("f")!.inode)
        #expect(try between.start() == [])
        #expect(between.tree.read("f") == "an edit")
        #expect(try between.tree.leftovers() == [])
    }

    @Test func parkedForANewOneThatNeverCame_isPutBack() throws {
        for number in [5, 5 + Displacement.parkedOffset] {
            let between = try Between()
            between.displace(to: number)
            try between.intend(own: 1)
            #expect(try between.start() == [])
            #expect(between.tree.read("f") == "old")
        }
    }

    @Test func parkedToBeRemoved_isRemoved_butAnEditIsPutBack() throws {
        for isEdited in [false, true] {
            let between = try Between()
            if isEdited { between.tree.write("f", "an edit") }
            between.displace(to: 5)
            try between.intend(isRemoval: true)
            #expect(try between.start() == [])
            #expect(between.tree.read("f") == (isEdited ? "an edit" : nil))
        }
    }

    @Test func anEditWhosePathIsTaken_isRescued() throws {
        let between = try Between()
        between.tree.write("f", "an edit")
        between.displace(to: 5)
        between.tree.write("f", "a third")
        try between.intend(own: 1)
        #expect(try between.start() == [Rescued(path: try TreePath(slashed: "f"), name: "1")])
        #expect(between.tree.read("f") == "a third")
        #expect(between.tree.read(".headwater/test/rescued/1") == "an edit")
    }

    @Test func aTornIntent_countsAsNone() throws {
        let between = try Between()
        try between.intend(own: 1, torn: true)
        #expect(try between.start() == [])
        #expect(between.tree.read("f") == "old")
    }

    @Test func whatWasStagedAndNeverPublished_isRemoved() throws {
        let between = try Between()
        between.tree.write("staged", "new")
        rename(between.tree("staged"), between.stageName(5))
        try between.intend(own: FileStatus(at: Descriptor.workingDirectory, between.stageName(5)).inode)
        #expect(try between.start() == [])
        #expect(between.tree.read("f") == "old")
        #expect(try between.tree.leftovers() == [])
    }
}
