import Core
import Foundation
import Orchestration
import TestSupport
import Testing

@Suite struct HaltTests {
    private let edge = identity("build", "eu")
    private let directory = TemporaryDirectory("halts")
    private let moment = Timestamp(seconds: 1_795_261_507, nanoseconds: 5)

    private var store: HaltStore { HaltStore(directory: directory("state/headwater/x/halts")) }
    private var file: String { directory("state/headwater/x/halts/t-build-eu.halt") }

    private func halt(_ code: String = "halt.max-delete", facts: String = "delete 17") -> HeadwaterError {
        var error = HeadwaterError(code, "would delete 17 of 20", remedy: "look", exit: .halted)
        error.facts = facts
        return error
    }

    private func summary(_ exit: ExitCode, _ error: HeadwaterError? = nil) -> EdgeSummary {
        var summary = EdgeSummary(edge: edge)
        summary.exit = exit
        summary.error = error
        return summary
    }

    private func run(deleting paths: [String] = [], _ body: ([Permit]) -> EdgeSummary) -> EdgeSummary {
        HaltGuard(store: store, now: { [moment] in moment }).run(edge) { permits, list in
            for path in paths {
                let path = try! TreePath(slashed: path)
                let said = HeadwaterError("halt.would-delete", "", remedy: "", exit: .halted, path: path)
                #expect(list.take(said))
            }
            return body(permits)
        }
    }

    @Test func halt_survivesTheDisk_whateverItsTextHolds() throws {
        var error = halt(facts: "a\nb%0A\u{1}\r\n\u{7F}é🚀 ")
        error.message = ""
        let kept = StandingHalt(error, of: edge, at: moment)
        try store.record(kept)
        #expect(try store.halt(of: edge.session) == kept)
        #expect(try store.halt(of: "other") == nil)
        let listed = try FileManager.default.contentsOfDirectory(atPath: directory("state/headwater/x/halts"))
        #expect(listed == ["t-build-eu.halt"])
        let modes = try [file, directory("state")].map {
            try FileManager.default.attributesOfItem(atPath: $0)[.posixPermissions] as? Int
        }
        #expect(modes == [0o600, 0o700])
    }

    @Test func haltedEdge_runsAgain_withNothingPermitted_andStaysHaltedWhileItsCauseLasts() throws {
        _ = run { _ in summary(.halted, halt()) }
        for _ in 0..<2 {
            let again = run { permits in
                #expect(permits.isEmpty)
                return summary(.halted, halt())
            }
            #expect(again.error?.code == "halt.max-delete")
        }
        #expect(try store.halt(of: edge.session) != nil)
    }

    @Test func causeGone_dropsTheHalt_andAnotherCauseTakesItsPlace() throws {
        _ = run { _ in summary(.halted, halt("halt.emptied")) }
        _ = run { _ in summary(.halted, halt("halt.missing")) }
        #expect(try store.halt(of: edge.session)?.code == "halt.missing")
        #expect(run { _ in summary(.inStep) }.exit == .inStep)
        #expect(try store.halt(of: edge.session) == nil)
    }

    @Test func unreachablePeer_tellsNothingOfTheHalt_whichStays() throws {
        _ = run { _ in summary(.halted, halt()) }
        #expect(run { _ in summary(.unreachable) }.exit == .unreachable)
        #expect(try store.halt(of: edge.session)?.code == "halt.max-delete")
    }

    @Test func list_isKeptBesideTheHalt_namedInTheMessage_andGoesWithIt() throws {
        let halted = run(deleting: ["a", "b/c\n"]) { _ in summary(.halted, halt(facts: "deletions=2 digest=x")) }
        let list = directory("state/headwater/x/halts/t-build-eu.list")
        #expect(halted.error?.message == "would delete 17 of 20; they are listed in \(list)")
        #expect(try String(contentsOfFile: list, encoding: .utf8) == "a\nb/c\\x0a\n")
        let mode = try FileManager.default.attributesOfItem(atPath: list)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        #expect(try store.halt(of: edge.session)?.message == halted.error?.message)
        let cut = run(deleting: ["a"]) { _ in summary(.halted, halt(facts: "deletions=2 digest=x")) }
        #expect(cut.error?.message.contains("the first 1 of them are listed") == true)
        _ = run { _ in summary(.inStep) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory("state/headwater/x/halts")).isEmpty)
    }

    @Test func released_runsWithExactlyTheFactsOfTheHalt_andGoodEndClears() throws {
        _ = run { _ in summary(.halted, halt(facts: "delete 17 digest x")) }
        #expect(try store.release(edge.session)?.facts == "delete 17 digest x")
        var permitted: [Permit] = []
        let end = run { released in
            permitted = released
            return summary(.problems)
        }
        #expect(permitted == [Permit(code: "halt.max-delete", facts: "delete 17 digest x")])
        #expect(end.exit == .problems)
        #expect(try store.halt(of: edge.session) == nil)
    }

    @Test func release_outlivesAFailureThatIsNoHalt_andAnotherHaltEndsIt() throws {
        _ = run { _ in summary(.halted, halt()) }
        _ = try store.release(edge.session)
        _ = run { _ in summary(.unreachable) }
        #expect(try store.halt(of: edge.session)?.isReleased == true)
        _ = run { _ in summary(.halted, halt(facts: "delete 18")) }
        let standing = try store.halt(of: edge.session)
        #expect(standing?.isReleased == false)
        #expect(standing?.facts == "delete 18")
    }

    @Test func twoReasons_areReleasedOneAfterTheOther_andBothPermitted() throws {
        _ = run { _ in summary(.halted, halt("halt.root-replaced", facts: "inode 7")) }
        _ = try store.release(edge.session)
        _ = run { released in
            #expect(released == [Permit(code: "halt.root-replaced", facts: "inode 7")])
            return summary(.halted, halt(facts: "delete 17"))
        }
        _ = try store.release(edge.session)
        var permitted: [Permit] = []
        _ = run { released in
            permitted = released
            return summary(.halted, halt("halt.root-replaced", facts: "inode 8"))
        }
        #expect(
            permitted == [
                Permit(code: "halt.root-replaced", facts: "inode 7"),
                Permit(code: "halt.max-delete", facts: "delete 17"),
            ])
        #expect(try store.release(edge.session)?.permits.map(\.facts) == ["delete 17", "inode 8"])
    }

    @Test func noHalt_touchesNothing() throws {
        #expect(run { _ in summary(.inStep) }.exit == .inStep)
        #expect(try store.release(edge.session) == nil)
        try store.clear(edge.session)
        #expect(!FileManager.default.fileExists(atPath: directory("state")))
    }

    @Test func damagedFile_keepsTheBrakeOn() throws {
        try store.record(StandingHalt(halt(), of: edge, at: moment))
        let whole = try Data(contentsOf: URL(fileURLWithPath: file))
        for length in 0..<whole.count - 1 {
            try whole.prefix(length).write(to: URL(fileURLWithPath: file))
            let end = run { _ in
                Issue.record("ran although its halt is cut at \(length)")
                return summary(.inStep)
            }
            #expect(end.exit == .halted)
        }
    }

    @Test func haltOfAnotherSession_orASymlink_isRefused() throws {
        try store.record(StandingHalt(halt(), of: edge, at: moment))
        let other = directory("state/headwater/x/halts/other.halt")
        try FileManager.default.copyItem(atPath: file, toPath: other)
        #expect(throws: HeadwaterError.self) { try store.halt(of: "other") }
        try FileManager.default.createSymbolicLink(
            atPath: directory("state/headwater/x/halts/link.halt"), withDestinationPath: file)
        let error = #expect(throws: HeadwaterError.self) { try store.halt(of: "link") }
        #expect(error?.code == "halt.store-damaged")
    }

    @Test func haltThatCannotBeKept_isStillAHalt() throws {
        try Data().write(to: URL(fileURLWithPath: directory("state")))
        let end = run { _ in summary(.halted, halt()) }
        #expect(end.exit == .halted)
        #expect(end.error?.code == "halt.store-damaged" || end.error?.code == "halt.store")
    }
}

@Suite struct PlacesTests {
    @Test func xdg_variablesWin_relativeOnesAreNotValid() throws {
        let set = UserDirectories(environment: ["XDG_STATE_HOME": "/s/", "XDG_CACHE_HOME": "rel", "HOME": "/home/u"])
        #expect(try set.state() == "/s")
        #expect(try set.cache() == "/home/u/.cache")
        #expect(try set.configuration() == "/home/u/.config")
        #expect(set.runtime == nil)
        #expect(try UserDirectories(environment: ["HOME": "/"]).state() == "/.local/state")
    }

    @Test func noHome_isAnErrorOnlyWhenNeeded() throws {
        let none = UserDirectories(environment: ["XDG_STATE_HOME": "/s"])
        #expect(try none.state() == "/s")
        let error = #expect(throws: HeadwaterError.self) { try none.cache() }
        #expect(error?.code == "environment.no-home")
    }

    @Test func topologyState_isNamedAfterTheAbsolutePath() {
        func directory(_ file: String, _ working: String) -> String {
            TopologyState(name: "t", file: file, workingDirectory: working, stateDirectory: "/s").directory
        }
        let one = directory("x/headwater.yaml", "/home/u")
        #expect(one.wholeMatch(of: /\/s\/headwater\/t-[0-9a-f]{16}/) != nil)
        #expect(one == directory("/home/u/x/headwater.yaml", "/elsewhere"))
        #expect(one == directory(".././/x/../x/headwater.yaml", "/home/u/y"))
        #expect(one != directory("headwater.yaml", "/home/u"))
        #expect(directory("/a", "/") == "/s/headwater/t-6a50dc8584134c7d")
    }
}
