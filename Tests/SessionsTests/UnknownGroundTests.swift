import Core
import Foundation
import Sessions
import Testing

/// Unreadable is not deleted, nor achieved: what the target cannot look at keeps its rows, is a problem while it lasts, and comes in step
/// by itself afterwards.
@Suite struct UnknownGroundTests {
    enum Hiding: String, CaseIterable, Sendable {
        case owned, foreignMount, listedInPart, sub

        /// The directory that is hidden, agreed, with `f`, `g` and `e/h` in it.
        var directory: String {
            let long = String(repeating: "n", count: 255)
            return self == .listedInPart
                ? (Array(repeating: long, count: 127) + [String(repeating: "m", count: 250)]).joined(separator: "/")
                : "d"
        }

        var needsRoot: Bool { self == .foreignMount }
    }

    /// What happens at the source meanwhile; run in the directory that holds the hidden one, whose name is `$d`.
    static let changes = [
        "rm -r $d", "rm -r $d; echo file > $d", "rm -r $d; ln -s x $d", "rm $d/f", "echo changed > $d/f",
        "chmod 700 $d",
        "rm -r $d/e", "echo new > $d/n", "mkdir $d/e/i", "mv $d z", "rm $d/f; mkdir $d/f", "rm -r $d/e; echo e > $d/e",
    ]

    /// Every way of hiding with every change; the deepest tree with every third but on a soak: it takes seconds each.
    static let cases = Hiding.allCases.flatMap { hiding in
        changes.enumerated().compactMap { index, change in
            hiding != .listedInPart || index % 3 == 0 || isSoak ? (hiding, change) : nil
        }
    }
    private static let isSoak = ProcessInfo.processInfo.environment["HEADWATER_SOAK"] != nil

    @Test(arguments: cases)
    func whatTheTargetCannotLookAt_isNeitherDeletedNorAchieved(_ hiding: Hiding, _ change: String) async {
        if hiding.needsRoot && !AsAnother.isRoot { return }
        let ends = TwoEnds()
        // cd by steps: the path is longer than the system takes at once.
        let steps = hiding.directory.split(separator: "/").map(String.init)
        let (above, name) = (steps.dropLast(), steps.last!)
        let enter = above.map { "mkdir -p \($0); cd \($0)" }.joined(separator: "\n")
        func at(_ tree: String, _ script: String) {
            ends.shell("d=\(name); cd \(tree)\n\(enter)\n\(script)")
        }
        at("source", "mkdir -p $d/e; echo f > $d/f; echo g > $d/g; echo h > $d/e/h; echo k > ../k; echo k > k")
        let isPlain = AsAnother.isRoot && hiding != .foreignMount
        if isPlain { ends.shell("chmod 755 .; chown \(AsAnother.user) target") }
        let plain: @Sendable () -> Void = { if isPlain { AsAnother.plainUser() } }
        #expect(await ends.run(asTarget: plain).error == nil)

        var asTarget = plain
        switch hiding {
        case .owned: at("target", AsAnother.isRoot ? "chown root $d; chmod 700 $d" : "chmod 000 $d")
        case .sub: at("target", AsAnother.isRoot ? "chown root $d/e; chmod 700 $d/e" : "chmod 000 $d/e")
        case .listedInPart: at("target", "touch $d/longname")
        case .foreignMount:
            let path = ends.target + "/d"
            asTarget = { AsAnother.mount(over: path) }
        }
        at("source", change)
        let hidden = await ends.run(asTarget: asTarget)
        #expect(hidden.error == nil)
        #expect((hidden.outcome?.counts.problems ?? 0) > 0)
        let unread = hidden.problems.filter { ["path.unreadable", "path.blocked"].contains($0.code) }
        #expect(Set(unread.map(\.path)).count == unread.count, "said once: \(unread.map(\.code))")
        #expect(!unread.isEmpty, "\(hidden.problems)")

        switch hiding {
        case .owned: at("target", "if [ -d $d ]; then chown \(AsAnother.user) $d 2>/dev/null || true; chmod 755 $d; fi")
        case .sub:
            at("target", "if [ -d $d/e ]; then chown \(AsAnother.user) $d/e 2>/dev/null || true; chmod 755 $d/e; fi")
        case .listedInPart: at("target", "rm $d/longname")
        case .foreignMount: break
        }
        let after = await ends.run(asTarget: plain)
        #expect(after.error == nil)
        #expect(after.problems.isEmpty, "\(after.problems)")
        #expect(ends.longListing("source") == ends.longListing("target"))
        let again = await ends.run(asTarget: plain)
        #expect(again.outcome?.counts == CycleCounts())
    }

    /// A directory of the target's own that it cannot read, such as lost+found, is nobody's business.
    @Test func unreadableDirectoryOfTheTargetsOwn_isNoProblem() async {
        let ends = TwoEnds()
        ends.shell("echo f > source/f; mkdir target/own; touch target/own/x")
        ends.shell(
            AsAnother.isRoot
                ? "chmod 755 .; chown \(AsAnother.user) target; chown root target/own; chmod 700 target/own"
                : "chmod 000 target/own")
        let ran = await ends.run(asTarget: { AsAnother.plainUser() })
        #expect(ran.error == nil)
        #expect(ran.problems.isEmpty)
        ends.shell("chmod 755 target/own; echo g > source/g")
        #expect(await ends.run(asTarget: { AsAnother.plainUser() }).problems.isEmpty)
    }
}
