import Core
import Foundation
import Platform
import Sessions
import Testing

/// `preserve`: what is kept in step beside content, between two trees; each case ends with a run that does nothing.
@Suite struct PreserveTests {
    private static let owned: Preservation = [.mode, .times, .owner, .group]

    private func ends(_ preserve: Preservation, mode: Mode = .push) -> TwoEnds {
        TwoEnds(mode: mode, policy: SessionPolicy(preserve: preserve))
    }

    /// Owner, group, mode and name of everything in both trees; empty when they are the same.
    private func check(_ ends: TwoEnds, _ at: SourceLocation = #_sourceLocation) {
        func list(_ tree: String) -> String {
            "(cd \(tree); find . -path ./.headwater -prune -o -printf '%u %g %m %p\\n' | sort)"
        }
        ends.shell("diff <(\(list("source"))) <(\(list("target"))) > difference || :")
        #expect(ends.text("difference") == "", sourceLocation: at)
    }

    private func expectNothingFurther(
        _ ends: TwoEnds, problems: [String] = [], asTarget: @escaping @Sendable () -> Void = {},
        _ at: SourceLocation = #_sourceLocation
    ) async {
        let (rows, trees) = (ends.rows, [ends.listing(ends.source), ends.listing(ends.target)])
        let again = await ends.run(asTarget: asTarget)
        #expect(again.error == nil && again.problems.map(\.code) == problems, sourceLocation: at)
        #expect(again.moved == CycleCounts() && again.outcome?.counts.files == 0, sourceLocation: at)
        #expect(ends.rows == rows, sourceLocation: at)
        #expect([ends.listing(ends.source), ends.listing(ends.target)] == trees, sourceLocation: at)
    }

    private static let tree = """
        mkdir -p source/d/e; echo 1 > source/d/f; echo 2 > source/d/e/g; ln -s f source/d/l; cp /bin/true source/suid
        head -c 600000 /dev/urandom > source/large; chmod 2775 source/d/e
        chown -h daemon:mail source/d/f source/d/l source/large; chown 12345:54321 source/d/e/g; chown mail source/d
        chown daemon:mail source/suid; chmod 6755 source/suid; chown :mail source/d/e; chmod 2775 source/d/e
        """

    @Test(arguments: [Mode.push, .pull, .bidi])
    func ownerAndGroup_travelWithSetuidAndSetgid_andFollow(mode: Mode) async {
        if !AsAnother.isRoot { return }
        let ends = ends(Self.owned, mode: mode)
        ends.shell(Self.tree + "\nmkdir target/d; echo 1 > target/d/f; touch -r source/d/f target/d/f")
        #expect(await ends.run().problems.isEmpty)
        check(ends)
        await expectNothingFurther(ends)
        // Alone they move no content.
        ends.shell("chown nobody source/d/f source/d/e source/large; chgrp -h daemon source/d/l; chmod 755 source/suid")
        let changed = await ends.run()
        #expect(changed.problems.isEmpty && changed.outcome?.counts.bytesPayload == 0)
        check(ends)
        await expectNothingFurther(ends)
        ends.shell("chown mail:mail target/large target/d; chmod 4755 target/suid; touch -r source/suid target/suid")
        #expect(await ends.run().problems.isEmpty)
        check(ends)
        ends.shell("stat -c %U source/large target/suid | tr '\\n' ' ' > owners")
        #expect(ends.text("owners") == (mode == .bidi ? "mail daemon " : "nobody daemon "))
        await expectNothingFurther(ends)
    }

    @Test func withoutRoot_theOwnerIsToldOnceInEachRun_andNothingElseIsHeldUp() async {
        if !AsAnother.isRoot { return }
        let ends = ends(Self.owned)
        let plain: @Sendable () -> Void = { AsAnother.plainUser() }
        let denied = ["preserve.owner-denied", "preserve.group-denied"]
        ends.shell(Self.tree + "\nchmod 755 .; chown \(AsAnother.user) target")
        let ran = await ends.run(asTarget: plain)
        #expect(ran.error == nil && ran.problems.map(\.code) == denied)
        func lines(_ tree: String) -> Set<String> {
            Set(
                ends.listing(tree).replacing(" 6755 ", with: " 755 ").replacing(" 2775 ", with: " 775 ")
                    .split(separator: "\n").map(String.init))
        }
        #expect(lines(ends.source) == lines(ends.target))
        await expectNothingFurther(ends, problems: denied, asTarget: plain)
    }

    /// In a bidi session the end that could not set an owner does not say that it changed.
    @Test func withoutRoot_anEditDownstreamLeavesTheOwnerUpstream() async {
        if !AsAnother.isRoot { return }
        let ends = ends([.mode, .times, .owner], mode: .bidi)
        let plain: @Sendable () -> Void = { AsAnother.plainUser() }
        ends.shell("echo 1 > source/f; chown daemon source/f; chmod 755 .; chown \(AsAnother.user) target")
        #expect(await ends.run(asTarget: plain).problems.map(\.code) == ["preserve.owner-denied"])
        ends.shell("echo edited > target/f")
        #expect(await ends.run(asTarget: plain).error == nil)
        ends.shell("stat -c %U source/f > owner")
        #expect(ends.text("owner") == "daemon\n" && ends.text("source/f") == "edited\n")
        await expectNothingFurther(ends, problems: ["preserve.owner-denied"], asTarget: plain)
    }

    @Test func metadataOfOneSide_andContentOfTheOther_areMerged() async {
        if !AsAnother.isRoot { return }
        let ends = ends([.mode, .times, .owner], mode: .bidi)
        ends.shell("for f in a b c; do echo old > source/$f; done")
        #expect(await ends.run().error == nil)
        ends.shell(
            """
            chown daemon source/a; echo new > target/a; chown daemon target/b; echo new > source/b
            chown daemon source/c; rm target/c
            """)
        let ran = await ends.run()
        #expect(ran.error == nil && ran.outcome?.counts.conflicts == 0)
        check(ends)
        ends.shell("stat -c '%U %n' source/* | tr '\\n' ' ' > owners")
        #expect(ends.text("owners") == "daemon source/a daemon source/b ")
        #expect(ends.text("source/a") == "new\n" && ends.text("target/b") == "new\n")
        // What was changed in the cycle itself is read once more.
        #expect(await ends.run().moved == CycleCounts())
        await expectNothingFurther(ends)
    }

    @Test(arguments: [Mode.push, .bidi])
    func modeLeftOut_newFilesAreAsTheUmaskSays_othersKeepTheirs(mode: Mode) async {
        let ends = ends([.times], mode: mode)
        ends.shell(
            """
            mkdir source/d; echo 1 > source/new; echo 2 > source/old; echo 3 > target/beside; echo 2 > target/old
            chmod 777 source/new source/d; chmod 600 target/old; chmod 640 source/old
            """)
        #expect(await ends.run().problems.isEmpty)
        let umask = try! String(contentsOfFile: "/proc/self/status", encoding: .utf8)
            .split(separator: "\n").first { $0.hasPrefix("Umask:") }!.split(separator: "\t")[1]
        let masked = String(0o777 & ~Int(umask, radix: 8)!, radix: 8)
        ends.shell("stat -c %a target/new target/d target/old | tr '\\n' ' ' > modes")
        #expect(ends.text("modes") == "\(masked) \(masked) 600 ")
        await expectNothingFurther(ends)
        ends.shell("echo changed > source/old; chmod 755 source/old; chmod 700 target/d target/new")
        #expect(await ends.run().problems.isEmpty)
        ends.shell("stat -c %a target/new target/d target/old source/old | tr '\\n' ' ' > modes")
        #expect(ends.text("modes") == "700 700 600 755 " && ends.text("target/old") == "changed\n")
        await expectNothingFurther(ends)
    }

    @Test(arguments: [Mode.push, .bidi])
    func timesLeftOut_areNeitherSetNorCompared(mode: Mode) async {
        let ends = ends([.mode], mode: mode)
        ends.shell(
            """
            mkdir source/d; echo 1 > source/d/f; ln -s f source/l; touch -d 2001-01-01 source/d/f source/d
            touch -h -d 2001-01-01 source/l
            """)
        #expect(await ends.run().problems.isEmpty)
        ends.shell("find target -path '*/.headwater*' -prune -o -not -newermt 2002-01-01 -print > old")
        #expect(ends.text("old") == "" && ends.text("target/d/f") == "1\n")
        await expectNothingFurther(ends)
        ends.shell("touch source/d/f; touch -h target/l; touch -d 2003-01-01 target/d target/d/f")
        let touched = await ends.run()
        #expect(touched.error == nil && touched.moved == CycleCounts())
        await expectNothingFurther(ends)
        ends.shell("echo 22 > source/d/f")
        #expect(await ends.run().outcome?.counts.files == 1)
        #expect(ends.text("target/d/f") == "22\n")
        await expectNothingFurther(ends)
    }

    @Test func systemsOwnAccounts_areFoundByNameAndNumber() {
        let names = AccountNames.system
        let daemon = names.user(1)
        #expect(daemon.name == Array("daemon".utf8) && names.userID(of: daemon) == 1)
        #expect(names.userID(of: Account(id: 77, name: Array("nobody-of-that-name".utf8))) == 77)
        let group = names.group(1)
        #expect(group.name == Array("daemon".utf8) && names.groupID(of: group) == 1)
        #expect(names.user(0).name == nil && names.user(3_999_999_999).name == nil)
    }
}
