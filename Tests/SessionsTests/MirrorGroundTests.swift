import Core
import Sessions
import Testing

/// Unreadable is not absent (invariant 5): a mirror deletes nothing where its source could not look.
@Suite struct MirrorGroundTests {
    @Test(arguments: [SessionPolicy.Delete.during, .before], [true, false])
    func whatTheSourceCannotLookAt_isNotBeyondIt(delete: SessionPolicy.Delete, isFirst: Bool) async {
        let ends = TwoEnds(opensUpstream: false, policy: SessionPolicy(delete: delete, mirror: true))
        ends.shell(
            "mkdir -p source/closed/in target/closed/in; echo one > source/one; echo there > source/closed/in/file")
        if AsAnother.isRoot { ends.shell("chmod 755 .; chown \(AsAnother.user) source") }
        // The end that answers is the source here.
        let plain: @Sendable () -> Void = { if AsAnother.isRoot { AsAnother.plainUser() } }
        if !isFirst { #expect(await ends.run(maxDelete: .count(9), asTarget: plain).error == nil) }
        ends.shell("echo own > target/closed/own; echo own > target/closed/in/own; echo own > target/own")
        ends.shell(AsAnother.isRoot ? "chown root source/closed; chmod 700 source/closed" : "chmod 000 source/closed")

        let hidden = await ends.run(maxDelete: .count(9), asTarget: plain)
        #expect(hidden.error == nil && hidden.problems.map(\.code) == ["path.unreadable"], "\(hidden)")
        ends.shell("test -e target/closed/own; test -e target/closed/in/own; test ! -e target/own")

        ends.shell("chmod 755 source/closed")
        let seen = await ends.run(maxDelete: .count(9), asTarget: plain)
        #expect(seen.error == nil && seen.problems.isEmpty, "\(seen)")
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
        let rows = ends.rows
        #expect(await ends.run(maxDelete: .count(9), asTarget: plain).moved == CycleCounts())
        #expect(ends.rows == rows)
    }
}
