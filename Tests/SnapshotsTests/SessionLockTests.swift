import Core
import Foundation
import Platform
import Testing

@testable import Snapshots

@Suite struct SessionLockTests {
    private func acquire(_ rig: Rig, _ owner: LockOwner = .current()) throws -> SessionLock? {
        if case .acquired(let lock) = try SessionLock.acquire(directory: rig.directory, owner: owner) { return lock }
        return nil
    }

    @Test func heldLock_namesItsOwner_untilItIsReleased() throws {
        let rig = Rig()
        let owner = LockOwner.current().heldByThisAgent()
        do {
            let lock = try acquire(rig, owner)
            #expect(lock != nil)
            guard case .held(let by) = try SessionLock.acquire(directory: rig.directory, owner: .current()) else {
                Issue.record("two owners")
                return
            }
            #expect(by == owner)
            #expect(by?.isDeadProcessOfThisHost == false)
            withExtendedLifetime(lock) {}
        }
        #expect(try acquireSoon(rig) != nil)
    }

    /// A process that another test starts just then holds what this one had open until it runs its program.
    private func acquireSoon(_ rig: Rig) throws -> SessionLock? {
        for _ in 0..<2000 {
            if let lock = try acquire(rig) { return lock }
            poll(nil, 0, 1)
        }
        return nil
    }

    @Test func fileOfADeadOwner_isSimplyTaken() throws {
        let rig = Rig()
        _ = try rig.directory.openOrCreate()
        try Data("nonsense\n".utf8).write(to: URL(fileURLWithPath: rig.directory.path + "/lock"))
        #expect(try acquire(rig) != nil)
    }

    @Test func textOfAHeldLock_isNotTrusted() throws {
        let rig = Rig()
        let lock = try acquire(rig)
        let file = rig.directory.path + "/lock"
        for text in ["", "garbage", String(repeating: "x", count: 1 << 20), LockOwner.current().text + "pid 1\n"] {
            let handle = try #require(FileHandle(forWritingAtPath: file))
            try handle.truncate(atOffset: 0)
            try handle.write(contentsOf: Data(text.utf8))
            try handle.close()
            guard case .held(nil) = try SessionLock.acquire(directory: rig.directory, owner: .current()) else {
                Issue.record("trusted \(text.prefix(20))")
                return
            }
        }
        withExtendedLifetime(lock) {}
    }

    @Test func lockFileThatIsASymlink_isRefused() throws {
        let rig = Rig()
        _ = try rig.directory.openOrCreate()
        try FileManager.default.createSymbolicLink(
            atPath: rig.directory.path + "/lock", withDestinationPath: rig.root("victim"))
        #expect(failure { _ = try acquire(rig) }?.code == "snapshot.directory")
        #expect(!FileManager.default.fileExists(atPath: rig.root("victim")))
    }

    /// Kernel and `kill` agree on what a dead process is: one that ended, or whose number belongs to another by now.
    @Test func deadOwner_isKnownOnlyOnItsOwnHost() throws {
        let child = Process()
        child.executableURL = URL(fileURLWithPath: "/bin/true")
        try child.run()
        child.waitUntilExit()
        var owner = LockOwner.current()
        owner.process = child.processIdentifier
        #expect(owner.isDeadProcessOfThisHost)
        owner.namespace = "pid:[1]"
        #expect(!owner.isDeadProcessOfThisHost)
        owner.boot = "earlier"
        #expect(owner.isDeadProcessOfThisHost)
        owner.machine = "another"
        #expect(!owner.isDeadProcessOfThisHost)
        var reused = LockOwner.current()
        reused.started += 1
        #expect(reused.isDeadProcessOfThisHost)
        #expect(!LockOwner.current().isDeadProcessOfThisHost)
    }

    @Test func text_comesBackAndNothingElseIsAccepted() {
        let owner = LockOwner.current().heldByThisAgent()
        let text = owner.text
        #expect(LockOwner(parsing: Array(text.utf8)) == owner)
        let broken = [
            text.replacingOccurrences(of: "pid \(owner.process)", with: "pid 0"),
            text.replacingOccurrences(of: "pid \(owner.process)", with: "pid -1"),
            text.replacingOccurrences(of: "agent \(owner.process)", with: "agent 1"),
            text.replacingOccurrences(of: "host ", with: "host \u{1B}[2J"), text + "host again\n",
            String(text.dropLast()),
            text.replacingOccurrences(of: "headwater-lock 1", with: "headwater-lock 2"), text + "\n",
        ]
        for text in broken { #expect(LockOwner(parsing: Array(text.utf8)) == nil, "\(text)") }
        for length in 0..<text.utf8.count {
            let cut = LockOwner(parsing: Array(text.utf8.prefix(length)))
            #expect(cut == nil || cut?.agent == nil)
        }
    }

    @Test func secondRun_isRefusedByName() {
        var owner = LockOwner.current()
        (owner.process, owner.host) = (4711, "hub")
        let error = LockOwner.alreadyRunning(session: "a-b", owner: owner)
        #expect(error.message == "Failed. Session a-b is already running (pid 4711 on hub)")
        #expect(error.code == "session.already-running" && error.exit == .alreadyRunning)
    }
}
