import Foundation
import TestSupport
import Testing

/// Trees on the file systems that disks have, each on an image of its own.
@Suite("File systems of disks", .slots, .timeLimit(.minutes(20)))
struct DiskTests {
    enum Kind: String, CaseIterable, Sendable {
        case ext4, xfs, btrfs

        /// What a symlink of the awkward tree with a target of 4 000 bytes is there.
        var holdsLongLinks: Bool { self != .xfs }
    }

    private static let isPossible = Kind.allCases.allSatisfy { NamespaceLab.whyNot(fileSystem: $0.rawValue) == nil }

    /// Everything that the file system can hold, and a problem at the path where it cannot; then nothing to do, and when the disk has been
    /// away and is another device now, as after a reboot, still nothing.
    @Test(.enabled(if: isPossible, "needs root, namespaces, loop devices and mkfs"), arguments: Kind.allCases)
    func awkwardTree_standsThere_alsoWhenTheDiskComesBackAsAnotherDevice(kind: Kind) async throws {
        let lab = try NamespaceLab([.init(disk: "400m", fileSystem: kind.rawValue)])
        let source = lab.seenOnHub(lab.source)
        try AwkwardTree.build(at: source)
        try await lab.give(lab.source)

        if !kind.holdsLongLinks {
            let (outcome, report) = try await lab.run()
            #expect(outcome.exit == 4 && report.edges[0]["problems"] == 1, "\(outcome.stdout)")
            #expect(outcome.stdout.contains("kinds/long"), "\(outcome.stdout)")
            #expect(try await lab.differences(0).count == 1)
            try remove(source + "/kinds/long")
        }
        let first = try await lab.run()
        #expect(first.outcome.exit == 0, "\(first.outcome.stdout)")
        #expect(try await lab.differences(0) == [])
        try await expectNothingToDo(lab)

        try await lab.bringBackTheDisk(of: 0)
        try await expectNothingToDo(lab)

        try write("changed", source + "/a/b")
        #expect(try await lab.run().report.edges[0]["files"] == 1)
        #expect(try await lab.differences(0) == [])
    }

    private func expectNothingToDo(_ lab: NamespaceLab) async throws {
        let (outcome, report) = try await lab.run()
        #expect(outcome.exit == 0 && report.edges.allSatisfy(\.movedNothing), "\(outcome.stdout)")
        #expect(report.edges.allSatisfy { $0["bytes_received"] < 10_000 }, "\(outcome.stdout)")
    }
}
