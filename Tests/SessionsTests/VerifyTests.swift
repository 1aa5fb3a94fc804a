import Core
import Foundation
import Platform
import Snapshots
import Testing

/// `--verify`: content that changed without a trace is found by reading it, whatever the rows say.
@Suite(.timeLimit(.minutes(20))) struct VerifyTests {
    /// Writes other content of the same size into a file in place, puts its time back, and makes the row believe that this is the very
    /// state it knows: no scan can see it.
    private func rot(_ tree: String, _ name: String, _ ends: TwoEnds) throws {
        ends.shell(
            "cd \(tree); touch -r \(name) ../stamp; printf rot | dd of=\(name) conv=notrunc status=none; touch -r ../stamp \(name)"
        )
        let status = try FileStatus(at: Descriptor.workingDirectory, ends.directory("\(tree)/\(name)"))
        let place = SessionDirectory(database: ends.directory(tree), session: ends.session)
        let snapshot = try Snapshot.open(directory: place)
        _ = try snapshot.commit([.local(TreePath(slashed: name), status.identity)])
    }

    private func ends(_ mode: Mode = .push, _ policy: SessionPolicy = .standard) async -> TwoEnds {
        let ends = TwoEnds(mode: mode, policy: policy)
        ends.shell("for f in up down fine; do echo content > source/$f; done; ln -s x source/link")
        #expect(await ends.run().error == nil)
        return ends
    }

    @Test func push_sendsTheSources_andRepairsTheTargets() async throws {
        let ends = await ends()
        try rot("source", "up", ends)
        try rot("target", "down", ends)
        let blind = await ends.run()
        #expect(blind.error == nil && blind.moved == CycleCounts() && blind.problems.isEmpty, "no scan can see it")
        let ran = await ends.run(verify: true)
        #expect(ran.error == nil && ran.problems.map(\.code) == ["path.silent-change", "path.silent-change"])
        #expect(Set(ran.problems.compactMap { $0.path?.description }) == ["up", "down"])
        #expect(ends.text("target/up") == "rottent\n" && ends.text("target/down") == "content\n")
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
        let rows = ends.rows
        let again = await ends.run(verify: true)
        #expect(again.error == nil && again.moved == CycleCounts() && again.problems.isEmpty && ends.rows == rows)
    }

    @Test func driftKept_isSaidAndStays() async throws {
        let ends = await ends(.push, SessionPolicy(drift: .keep))
        try rot("target", "down", ends)
        let ran = await ends.run(verify: true)
        #expect(ran.error == nil && ran.problems.map(\.code) == ["path.silent-change"])
        #expect(ends.text("target/down") == "rottent\n")
    }

    @Test func bidi_spreadsOneSides_andBothSidesConflict() async throws {
        let ends = await ends(.bidi)
        try rot("target", "down", ends)
        try rot("source", "up", ends)
        try rot("source", "fine", ends)
        ends.shell("echo other > target/fine")
        let ran = await ends.run(verify: true)
        #expect(ran.error == nil && ran.outcome?.counts.conflicts == 1)
        #expect(ends.text("source/down") == "rottent\n" && ends.text("target/up") == "rottent\n")
        #expect(ends.text("source/fine") == "rottent\n" && ends.text("target/fine") == "other\n")
        #expect(Set(ran.problems.map(\.code)) == ["path.silent-change"] && ran.problems.count == 3)
    }
}
