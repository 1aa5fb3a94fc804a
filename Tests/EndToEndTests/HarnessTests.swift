import Foundation
import TestSupport
import Testing

/// The canary of every comparison here: what must be seen is seen, and nothing else is.
@Suite("The harness itself", .slots, .timeLimit(.minutes(20)))
struct HarnessTests {
    @Test func equalTree_hasNoDifferences() throws {
        let (original, copy) = try pair()
        let listing = try TreeListing(original.path)
        #expect(try listing.differences(from: TreeListing(copy("tree"))) == [])
        #expect(listing.files > 40 && listing.symlinks == 8)
        #expect(listing["kinds/.headwater"] == nil && listing["kinds/fifo"] == nil)
        #expect(listing.nodes.keys.contains { $0.count > 4096 })
        #expect(listing["times/2"]?.seconds == -1_234_567)
    }

    @Test(arguments: [
        "printf x >> sizes/4096", "printf x | dd of=sizes/524288 bs=1 seek=9 conv=notrunc status=none",
        "touch -h -d @1 kinds/dangling", "touch -d '2023-11-15 00:00:00.000000001' a/b", "touch -d @5 kinds/empty",
        "chmod 640 modes/644", "chmod 750 kinds", "ln -sfn elsewhere kinds/dangling", "rm a/b", "touch a/new",
        "rmdir 'kinds/empty/also empty'",
    ])
    func oneDifference_isSeen(change: String) async throws {
        let (original, copy) = try pair()
        let shell = try RunningProcess(
            ["/bin/sh", "-c", "set -e; \(change)"], environment: ["PATH": "/usr/bin:/bin"], directory: copy("tree"))
        let outcome = await shell.outcome()
        #expect(outcome.exit == 0, "\(outcome.stderr)")
        #expect(try TreeListing(original.path).differences(from: TreeListing(copy("tree"))) != [])
    }

    @Test func process_isReaped_killedAtItsLimit_andReportsItsSignal() async throws {
        let shell = try RunningProcess(["/bin/sh", "-c", "cat; echo e >&2; exit 7"], environment: [:], stdin: "in")
        let outcome = await shell.outcome()
        #expect(outcome.exit == 7 && outcome.stdout == "in" && outcome.stderr == "e\n" && !outcome.timedOut)
        let endless = try RunningProcess(["/bin/sh", "-c", "while :; do :; done"], environment: [:], limitSeconds: 1)
        let killed = await endless.outcome()
        #expect(killed.exit == 128 + SIGKILL && killed.timedOut)
    }

    @Test func world_offersServersThatAcceptItsKeys() async throws {
        let world = try World(targets: 1)
        let server = world.servers[0]
        let outcome = try await Headwater.tool([
            "ssh", "-F", "none", "-p", "\(server.port)", "-i", server.userKeyPath, "-o",
            "UserKnownHostsFile=\(server.knownHostsPath)", "-o", "BatchMode=yes", "127.0.0.1", "echo $HOME",
        ])
        #expect(outcome.exit == 0, "\(outcome.stderr)")
        #expect(outcome.stdout == server.home + "\n")
    }

    private func pair() throws -> (TemporaryDirectory, TemporaryDirectory) {
        let (original, copy) = (TemporaryDirectory("original"), TemporaryDirectory("copy"))
        try AwkwardTree.build(at: original.path)
        // `cp` and `tar` cannot copy paths of this length, so the tree is built twice.
        try FileManager.default.createDirectory(atPath: copy("tree"), withIntermediateDirectories: false)
        try AwkwardTree.build(at: copy("tree"))
        return (original, copy)
    }
}
