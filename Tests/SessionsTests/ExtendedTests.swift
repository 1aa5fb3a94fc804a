import Core
import Foundation
import Platform
import Sessions
import TestSupport
import Testing

/// `preserve: xattrs` and `acls` between two trees; each case ends with a run that does nothing.
@Suite struct ExtendedTests {
    private static let xattrs: Preservation = [.mode, .times, .xattrs]
    private static let acls: Preservation = [.mode, .times, .acls]

    private func ends(_ preserve: Preservation, mode: Mode = .push) -> TwoEnds {
        TwoEnds(mode: mode, policy: SessionPolicy(preserve: preserve))
    }

    private func expectSame(_ ends: TwoEnds, _ at: SourceLocation = #_sourceLocation) {
        #expect(Xattr.tree(ends.source) == Xattr.tree(ends.target), sourceLocation: at)
    }

    private func expectNothingFurther(
        _ ends: TwoEnds, problems: [String] = [], asTarget: @escaping @Sendable () -> Void = {},
        _ at: SourceLocation = #_sourceLocation
    ) async {
        // What was written a moment ago is looked at once more.
        var rows = ends.rows
        for _ in 0..<4 {
            _ = await ends.run(asTarget: asTarget)
            if ends.rows == rows { break }
            rows = ends.rows
        }
        let again = await ends.run(asTarget: asTarget)
        #expect(again.error == nil && again.problems.map(\.code) == problems, sourceLocation: at)
        #expect(again.moved == CycleCounts() && again.outcome?.counts.files == 0, sourceLocation: at)
        let isAsBefore = ends.rows == rows
        #expect(isAsBefore, sourceLocation: at)
    }

    private static let tree = """
        mkdir -p source/d/e; echo 1 > source/d/f; echo 2 > source/d/e/g; ln -s f source/d/l
        head -c 600000 /dev/urandom > source/large; head -c 5000000 /dev/urandom > source/huge; chmod 444 source/d/e/g
        """

    @Test(arguments: [Mode.push, .pull, .bidi])
    func attributes_travelWithContent_andWithoutIt(mode: Mode) async {
        let ends = ends(Self.xattrs, mode: mode)
        ends.shell(Self.tree + "\nmkdir target/d; echo 1 > target/d/f; touch -r source/d/f target/d/f")
        for path in ["d", "d/f", "d/e/g", "large", "huge"] { Xattr.set("\(ends.source)/\(path)", "user.a", path) }
        Xattr.set("\(ends.target)/d/f", "user.z", "goes")
        if AsAnother.isRoot {
            Xattr.set("\(ends.source)/d/l", "trusted.l", "of a link")
            Xattr.set("\(ends.source)/d", "trusted.d", [0, 255, 1])
            Xattr.set(
                "\(ends.source)/large", "security.capability", [1, 0, 0, 2, 0, 4] + .init(repeating: 0, count: 14))
        }
        #expect(await ends.run().problems.isEmpty)
        expectSame(ends)
        #expect(Xattr.get("\(ends.target)/d/e/g", "user.a") == Array("d/e/g".utf8))
        await expectNothingFurther(ends)
        Xattr.set("\(ends.source)/d", "user.b", "")
        Xattr.set("\(ends.source)/large", "user.a", "other")
        Xattr.remove("\(ends.source)/d/e/g", "user.a")
        let changed = await ends.run()
        #expect(changed.problems.isEmpty && changed.outcome?.counts.bytesPayload == 0)
        expectSame(ends)
        #expect(Xattr.get("\(ends.target)/d", "user.b") == [])
        await expectNothingFurther(ends)
    }

    @Test(arguments: [Mode.push, .bidi])
    func attributesChangedDownstream_areRepaired_orSpread(mode: Mode) async {
        let ends = ends(Self.xattrs, mode: mode)
        ends.shell(Self.tree)
        Xattr.set("\(ends.source)/d/f", "user.a", "1")
        #expect(await ends.run().problems.isEmpty)
        await expectNothingFurther(ends)
        Xattr.set("\(ends.target)/d/f", "user.a", "2")
        Xattr.set("\(ends.target)/d", "user.new", "3")
        #expect(await ends.run().problems.isEmpty)
        expectSame(ends)
        #expect(Xattr.get("\(ends.source)/d/f", "user.a") == Array((mode == .bidi ? "2" : "1").utf8))
        #expect(Xattr.get("\(ends.source)/d", "user.new") == (mode == .bidi ? Array("3".utf8) : nil))
        await expectNothingFurther(ends)
    }

    @Test func attributesOfOneSide_andContentOfTheOther_areMerged_upstreamsWinsWhereBothChanged() async {
        let ends = ends(Self.xattrs, mode: .bidi)
        ends.shell("for f in a b c d; do echo old > source/$f; done")
        #expect(await ends.run().error == nil)
        await expectNothingFurther(ends)
        ends.shell("echo new > target/a; echo new > source/b; rm target/d")
        for (path, value) in [("source/a", "up"), ("target/b", "down"), ("source/c", "up"), ("target/c", "down")] {
            Xattr.set(ends.directory(path), "user.x", value)
        }
        Xattr.set(ends.directory("source/d"), "user.x", "up")
        let ran = await ends.run()
        #expect(ran.error == nil && ran.outcome?.counts.conflicts == 0)
        expectSame(ends)
        let values = ["a", "b", "c"].map {
            Xattr.get("\(ends.source)/\($0)", "user.x").map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(values == ["up", "down", "up"])
        #expect(ends.text("source/a") == "new\n" && ends.text("target/b") == "new\n")
        ends.shell("ls source > left")
        #expect(ends.text("left") == "a\nb\nc\n")
        await expectNothingFurther(ends)
    }

    @Test func keyLeftOut_neitherSetsNorComparesThem_andTakenInLaterSetsThem() async {
        let ends = ends([.mode, .times])
        ends.shell(Self.tree)
        Xattr.set("\(ends.source)/d/f", "user.a", "1")
        Xattr.set("\(ends.source)/d", Xattr.access, Xattr.list(user: 1, 7))
        #expect(await ends.run().problems.isEmpty)
        #expect(Xattr.all("\(ends.target)/d/f").isEmpty && Xattr.all("\(ends.target)/d").isEmpty)
        Xattr.set("\(ends.target)/large", "user.own", "1")
        #expect(await ends.run().moved == CycleCounts())
        let more = SessionPolicy(preserve: [.mode, .times, .xattrs, .acls])
        let ran = await ends.run(policy: more)
        #expect(ran.problems.isEmpty && ran.outcome?.counts.bytesPayload == 0)
        expectSame(ends)
        #expect(await ends.run(policy: more).moved == CycleCounts())
        #expect(await ends.run(policy: more).moved == CycleCounts())
    }

    @Test func withoutRoot_userAttributesTravel_privilegedOnesAreToldOnce() async {
        if !AsAnother.isRoot { return }
        let ends = ends(Self.xattrs, mode: .bidi)
        let plain: @Sendable () -> Void = { AsAnother.plainUser() }
        ends.shell("echo 1 > source/f; chmod 444 source/f; chmod 755 .; chown \(AsAnother.user) target")
        Xattr.set("\(ends.source)/f", "user.a", "1")
        Xattr.set("\(ends.source)/f", "trusted.a", "2")
        #expect(await ends.run(asTarget: plain).problems.map(\.code) == ["preserve.xattrs-denied"])
        #expect(Xattr.all("\(ends.target)/f") == ["user.a=\"1\""])
        ends.shell("stat -c %a target/f > mode")
        #expect(ends.text("mode") == "444\n")
        await expectNothingFurther(ends, problems: ["preserve.xattrs-denied"], asTarget: plain)
        // An edit there leaves what it cannot see at the other end as it is.
        Xattr.set("\(ends.target)/f", "user.a", "edited")
        #expect(await ends.run(asTarget: plain).error == nil)
        #expect(Xattr.all("\(ends.source)/f") == ["trusted.a=\"2\"", "user.a=\"edited\""])
        await expectNothingFurther(ends, problems: ["preserve.xattrs-denied"], asTarget: plain)
    }

    @Test(arguments: [Mode.push, .pull, .bidi])
    func lists_travelByName_withModeAndMask(mode: Mode) async {
        let ends = ends(Self.acls, mode: mode)
        ends.shell(Self.tree)
        #expect(Xattr.set("\(ends.source)/d", Xattr.access, Xattr.list(user: 1, 7)))
        #expect(Xattr.set("\(ends.source)/d", Xattr.standard, Xattr.list(user: 12345, 5, mask: 5)))
        #expect(Xattr.set("\(ends.source)/d/f", Xattr.access, Xattr.list(user: 8, 4, mask: 4)))
        Xattr.set("\(ends.source)/d/f", "user.not", "kept")
        #expect(await ends.run().problems.isEmpty)
        Xattr.remove("\(ends.source)/d/f", "user.not")
        expectSame(ends)
        await expectNothingFurther(ends)
        // A mode is the mask of an ACL that stays; another ACL can come with the same mode; one can go.
        ends.shell("chmod 750 source/d/f; chmod 640 source/huge")
        Xattr.set("\(ends.source)/d", Xattr.access, Xattr.list(user: 1, 5))
        Xattr.remove("\(ends.source)/d", Xattr.standard)
        Xattr.set("\(ends.source)/huge", Xattr.access, Xattr.list(user: 1, 6))
        let changed = await ends.run()
        #expect(changed.problems.isEmpty && changed.outcome?.counts.bytesPayload == 0)
        expectSame(ends)
        await expectNothingFurther(ends)
        Xattr.remove("\(ends.source)/d/f", Xattr.access)
        ends.shell("echo changed >> source/huge; mkdir source/d/new; echo 3 > source/d/new/h")
        #expect(await ends.run().problems.isEmpty)
        expectSame(ends)
        await expectNothingFurther(ends)
    }

    /// What the receiving directory would give new entries does not count, where ACLs are kept.
    @Test func standardListOfTheTarget_givesNothingToWhatArrives() async {
        let ends = ends(Self.acls)
        ends.shell(Self.tree)
        Xattr.set(ends.target, Xattr.standard, Xattr.list(user: 1, 7))
        #expect(await ends.run().problems.isEmpty)
        expectSame(ends)
        await expectNothingFurther(ends)
    }
}
