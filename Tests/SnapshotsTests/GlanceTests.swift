import Core
import Foundation
import Platform
import Testing
import TestSupport

@testable import Snapshots

/// A look leaves no trace, whatever lies there, and sees what is committed.
@Suite struct GlanceTests {
    private func traces(_ rig: Rig) -> [String] {
        rig.names().map { name in
            var status = stat()
            lstat(rig.directory.path + "/" + name, &status)
            return "\(name) \(status.st_ino) \(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
        }
    }

    private var soon: UInt64 { MonotonicClock.after(seconds: 60) }

    @Test func databaseAtRest_isSeen_withoutATrace() throws {
        let rig = Rig()
        try rig.fill(50)
        let before = traces(rig)
        let glance = Glance(rig.directory, summingUntil: soon)
        #expect(traces(rig) == before)
        guard case .ok(let meta) = glance.state else {
            Issue.record("\(glance.state)")
            return
        }
        #expect(meta.counts.files == 50 && !glance.hasLog)
        #expect(glance.agreed?.entries == 50 && glance.agreed?.bytes == UInt64((0..<50).reduce(0, +)))
    }

    @Test func logOfAnOpenSession_isSeen_withoutATrace() throws {
        let rig = Rig()
        let snapshot = try rig.create()
        for round in 0..<5 { try snapshot.commit((0..<20).map { put("f\($0)", entry($0 + round)) }) }
        let before = traces(rig)
        let glance = Glance(rig.directory, summingUntil: soon)
        #expect(traces(rig) == before)
        #expect(glance.state == .ok(snapshot.meta) && glance.hasLog)
        #expect(glance.agreed?.entries == 20)
        // The session ends as if nobody had looked: the log goes with it.
        withExtendedLifetime(snapshot) {}
    }

    @Test func killedSession_isSeen_withoutItsSharedMemory() throws {
        let (rig, killed) = (Rig(), Rig())
        let snapshot = try rig.create()
        try snapshot.commit([put("a", entry(1))])
        _ = try killed.directory.openOrCreate()
        for ending in ["", "-wal"] {
            try FileManager.default.copyItem(atPath: rig.file + ending, toPath: killed.file + ending)
        }
        #expect(Glance(killed.directory).state == .ok(snapshot.meta))
        #expect(killed.names() == ["snap.db", "snap.db-wal"])
    }

    @Test func nothing_isNone_andMakesNothing() {
        let rig = Rig()
        #expect(Glance(rig.directory).state == .none)
        #expect(rig.names().isEmpty && Glance(rig.directory).writtenAt == nil)
    }

    @Test func damage_isRefused() throws {
        let rig = Rig()
        try rig.fill(3)
        try rig.overwrite("no database".utf8)
        guard case .refused = Glance(rig.directory).state else {
            Issue.record("not refused")
            return
        }
    }

    @Test func owner_isSeen_andNotDisturbed() throws {
        let rig = Rig()
        guard case .acquired(let lock) = try SessionLock.acquire(directory: rig.directory, owner: .current()) else {
            Issue.record("held")
            return
        }
        try withExtendedLifetime(lock) {
            guard case .held(let by?) = Glance(rig.directory).ownership else {
                Issue.record("free")
                return
            }
            #expect(by == .current())
            guard case .held = try SessionLock.acquire(directory: rig.directory, owner: .current()) else {
                Issue.record("the look took the lock away")
                return
            }
        }
    }

    @Test func ownerThatIsGone_isNone() throws {
        let rig = Rig()
        do { _ = try SessionLock.acquire(directory: rig.directory, owner: .current()) }
        #expect(rig.names() == ["lock"])
        guard case .free = Glance(rig.directory).ownership else {
            Issue.record("held after its owner let go")
            return
        }
    }

    /// A writer commits and clears its log all the time; each look sees one of its states, whole.
    @Test func looksBesideAWriter_areAlwaysWhole() throws {
        let rig = Rig()
        try rig.fill(200)
        let isDone = Monitor(false)
        let directory = rig.directory
        let writer = WorkerThread<Void>("writer") {
            for round in 0..<60 {
                let snapshot = try Snapshot.open(directory: directory)
                for step in 0..<5 {
                    try snapshot.commit(
                        (0..<200).map { put("dir/file\($0)", entry($0 + round * 5 + step + 1)) }, durably: false)
                }
            }
            isDone.update { $0 = true }
        }
        var looks = 0
        while !isDone.read({ $0 }) && !writer.isFinished {
            let glance = Glance(directory, summingUntil: soon)
            if case .ok(let meta) = glance.state {
                #expect(meta.counts.files == 200)
                looks += 1
            } else {
                Issue.record("\(glance.state)")
            }
        }
        try writer.join()
        #expect(looks > 0)
    }
}
