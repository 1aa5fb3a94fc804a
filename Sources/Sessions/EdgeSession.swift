import Core
import Platform
import Roots
import Snapshots
import Wire

/// One cycle of one edge, seen from the end that initiates it.
///
///     opening ─► hello ─► preparing ─► source or target ─► goodbye          any ─► failed(error)
package enum EdgeSession {
    /// Runs the cycle over `stream` to its end. Blocks the calling thread; starts two more while it runs.
    ///
    /// - Throws: what ended the cycle; with exit `.halted` the `facts` say what a release would permit. Problems of single paths go to
    ///   `observer` and are counted.
    package static func run(
        _ plan: SessionPlan, registry: RootRegistry, stream: any ByteStream, cancellation: Cancellation,
        observer: any SessionObserver
    ) throws(HeadwaterError) -> SessionOutcome {
        let link = FrameLink(stream)
        let conversation = Conversation(link, observer: observer)
        let listener = cancellation.listen { conversation.inbox.cancel() }
        defer {
            cancellation.forget(listener)
            conversation.end()
        }
        do throws(HeadwaterError) {
            let counts = try converse(plan, registry, conversation, observer)
            try link.send(.goodbye)
            try conversation.awaitGoodbye()
            let traffic = counts.hasMoved ? link.counted : FrameLink.Traffic()
            return SessionOutcome(
                counts: counts, bytesSent: traffic.sent, bytesReceived: traffic.received,
                wasCancelled: cancellation.isRequested)
        } catch {
            let reason = conversation.reason(for: error)
            conversation.tell(reason)
            throw reason
        }
    }

    private static func converse(
        _ plan: SessionPlan, _ registry: RootRegistry, _ conversation: Conversation, _ observer: any SessionObserver
    ) throws(HeadwaterError) -> CycleCounts {
        let startedAt = plan.viewSince ?? MonotonicClock.now
        let opening = try Opening(
            plan.here, session: plan.edge.session, owner: plan.owner, registry: registry, mayCreate: false,
            isPeer: false)
        scanAhead(opening.root, notOlderThan: startedAt)
        var terms = SessionTerms(
            session: plan.edge.session, mode: plan.edge.mode, isUpstream: plan.hereIsSource,
            machineHere: Host.machineID, machineThere: "",
            placeHere: opening.root.canonicalPath, placeThere: plan.there.path)
        let local = try opening.state(terms)
        let newID = Handshake.newID()
        let hello = Hello(
            edge: plan.edge, initiatorIsSource: plan.hereIsSource, path: plan.there.path, database: plan.there.database,
            mount: plan.there.mount, maxDelete: plan.maxDelete, isReset: plan.isReset, released: plan.released,
            owner: plan.owner.text,
            takesOver: plan.takesOver, newID: newID.value, machine: Host.machineID, place: opening.root.canonicalPath,
            state: DatabaseState(local))
        try conversation.link.send(.hello, hello.encoded())
        let reply = try conversation.expectHello { (payload) throws(WireFault) in try HelloReply(decoding: payload) }
        (terms.machineThere, terms.placeThere) = (reply.machine, reply.place)
        let remote = try decoding { () throws(WireFault) in try reply.state.endState() }
        observer.note(detail: "greeted \(reply.place) on machine \(reply.machine), version \(reply.version)")
        let handshake = Handshake(
            local: local, remote: remote, terms: terms, newID: newID, isReset: plan.isReset, side: .local)
        let end = SessionEnd(opening, released: plan.released, maxDelete: plan.maxDelete, startedAt: startedAt)
        try handshake.prepare(end, conversation)
        return try Cycle(end, conversation, observer).run(isSource: plan.hereIsSource)
    }
}

/// One cycle of one edge, seen from the end that answers: an agent, or the other half of an edge within one machine.
package enum Responder {
    /// Serves one session over `stream` to its end. Blocks. Errors have been told to the other end; the code is for the caller's
    /// exit status.
    package static func serve(_ stream: any ByteStream, registry: RootRegistry) -> ExitCode {
        let link = FrameLink(stream)
        let observer = TellingObserver(link)
        let conversation = Conversation(link, observer: observer)
        defer { conversation.end() }
        do throws(HeadwaterError) {
            try converse(registry, conversation, observer)
            try conversation.awaitGoodbye()
            try link.send(.goodbye)
            return .inStep
        } catch {
            conversation.tell(error)
            return error.exit
        }
    }

    private static func converse(
        _ registry: RootRegistry, _ conversation: Conversation, _ observer: any SessionObserver
    ) throws(HeadwaterError) {
        let hello = try conversation.expectHello { (payload) throws(WireFault) in try Hello(decoding: payload) }
        let startedAt = MonotonicClock.now
        let local = try decoding { () throws(WireFault) in try hello.state.endState() }
        guard let owner = LockOwner(parsing: Array(hello.owner.utf8)) else {
            throw .protocolBroken(WireFault("unreadable owner"))
        }
        let isFirst = hello.isReset || local.isFresh
        let place = EndPlace(path: hello.path, database: hello.database, mount: hello.mount)
        let opening = try Opening(
            place, session: hello.edge.session, owner: owner, registry: registry,
            mayCreate: hello.initiatorIsSource && isFirst,
            mayTakeOver: hello.takesOver, isPeer: true)
        scanAhead(opening.root, notOlderThan: startedAt)
        let terms = SessionTerms(
            session: hello.edge.session, mode: hello.edge.mode, isUpstream: hello.initiatorIsSource,
            machineHere: hello.machine,
            machineThere: Host.machineID, placeHere: hello.place, placeThere: opening.root.canonicalPath)
        let remote = try opening.state(terms.mirrored)
        let reply = HelloReply(machine: Host.machineID, place: opening.root.canonicalPath, state: DatabaseState(remote))
        try conversation.link.send(.hello, reply.encoded())
        let handshake = Handshake(
            local: local, remote: remote, terms: terms, newID: SnapshotID(hello.newID), isReset: hello.isReset,
            side: .remote)
        let end = SessionEnd(opening, released: hello.released, maxDelete: hello.maxDelete, startedAt: startedAt)
        try handshake.prepare(end, conversation)
        _ = try Cycle(end, conversation, observer).run(isSource: !hello.initiatorIsSource)
    }
}

extension EndState {
    /// Whether this end has agreed on nothing yet.
    fileprivate var isFresh: Bool {
        switch snapshot {
        case .none: true
        case .ok(let meta): meta.isFresh
        case .refused: false
        }
    }
}

/// Begins to look at a tree while the other end is still being greeted; who needs the view waits for it. A refusal does not.
private func scanAhead(_ root: Root, notOlderThan time: UInt64) {
    _ = WorkerThread<Void>("hw-scan") { _ = try? root.view(notOlderThan: time) }
}
