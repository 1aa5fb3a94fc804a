import Core
import Filters
import Platform
import Roots
import Snapshots
import Wire

/// One cycle of one edge, seen from the end that opens it.
///
///     opening ─► hello ─► preparing ─► source or target ─► goodbye          any ─► failed(error)
package enum EdgeSession {
    /// Runs the cycle over `stream` to its end. Blocks the calling thread; starts two more while it runs.
    ///
    /// - Parameters:
    ///   - permits: the steps of a plan that is carried out, as many as the purpose says.
    ///   - isAgent: this process does so for an orchestrator elsewhere.
    ///   - lent: shared with the other end where that is in this process.
    /// - Throws: what ended the cycle; with exit `.halted` the `facts` say what a release would permit. Problems of single paths go to
    ///   `observer` and are counted.
    package static func run(
        _ plan: SessionPlan, permits: [ForeseenStep] = [], isAgent: Bool = false, registry: RootRegistry,
        stream: any ByteStream,
        lent: LentFiles? = nil, cancellation: Cancellation, observer: any SessionObserver,
        patience: Patience = Patience()
    ) throws(HeadwaterError) -> SessionOutcome {
        let link = FrameLink(stream)
        let conversation = Conversation(link, observer: observer, patience: patience)
        let listener = cancellation.listen { conversation.cancel() }
        defer {
            cancellation.forget(listener)
            conversation.end()
        }
        do throws(HeadwaterError) {
            let position = Position()
            let counts = try converse(plan, permits, isAgent, registry, lent, conversation, observer, position)
            try link.send(.goodbye)
            try conversation.awaitGoodbye()
            let traffic = counts.hasMoved ? link.counted : FrameLink.Traffic()
            return SessionOutcome(
                counts: counts, bytesSent: traffic.sent, bytesReceived: traffic.received,
                wasCancelled: cancellation.isRequested, position: position.value)
        } catch {
            let reason = conversation.reason(for: error).placed(plan.request.edge, isUpstream: plan.hereIsUpstream)
            conversation.tell(reason)
            if reason.exit == .databaseRefuses { conversation.awaitRefusal() }
            throw reason
        }
    }

    private static func converse(
        _ plan: SessionPlan, _ permits: [ForeseenStep], _ isAgent: Bool, _ registry: RootRegistry, _ lent: LentFiles?,
        _ conversation: Conversation, _ observer: any SessionObserver, _ position: Position
    ) throws(HeadwaterError) -> CycleCounts {
        let request = plan.request
        let role = Opening.Role(
            mayCreate: !plan.hereIsUpstream, mayTakeOver: isAgent && request.takesOver, isPeer: !plan.isInitiatedHere,
            isAgent: isAgent, isPlan: request.purpose.isPlan, isBidi: request.edge.mode == .bidi)
        let filter = try SessionFilter(request.filter, skipsLinks: request.policy.symlinks == .skip)
        let resolutions = try ConflictPattern(sent: request.resolutions)
        let opening = try Opening(
            plan.here, session: request.edge.session, owner: try LockOwner(sent: request.owner), registry: registry,
            role)
        let file = opening.directory.databaseFile
        let number = SessionsHere.enter(file) { conversation.link.close() }
        defer { SessionsHere.leave(file, number) }
        let end = SessionEnd(
            opening, request, plan.here, filter, resolutions, registry, isUpstream: plan.hereIsUpstream, lent: lent)
        return try opening.planning { () throws(HeadwaterError) in
            do throws(HeadwaterError) {
                end.scanAhead()
                try greet(plan, permits, opening, end, conversation, observer, position)
            } catch {
                opening.undo()
                throw error
            }
            return try Cycle(end, conversation, observer).run(isSource: plan.hereIsUpstream)
        }
    }

    /// From hello to two databases that hold the same rows.
    private static func greet(
        _ plan: SessionPlan, _ permits: [ForeseenStep], _ opening: Opening, _ end: SessionEnd,
        _ conversation: Conversation, _ observer: any SessionObserver, _ position: Position
    ) throws(HeadwaterError) {
        var terms = SessionTerms(
            session: plan.request.edge.session, mode: plan.request.edge.mode, isUpstream: plan.hereIsUpstream,
            machineHere: Host.machineID, machineThere: "",
            placeHere: opening.root.canonicalPath, placeThere: plan.there.path)
        var here = try opening.state(terms)
        let newID = Handshake.newID()
        let hello = Hello(
            request: plan.request, openerIsUpstream: plan.hereIsUpstream, there: plan.there, newID: newID.value,
            machine: Host.machineID, place: opening.root.canonicalPath, state: DatabaseState(here))
        try conversation.link.send(.hello, hello.encoded())
        let reply = try conversation.expectHello { (payload) throws(WireFault) in try HelloReply(decoding: payload) }
        (terms.machineThere, terms.placeThere) = (reply.machine, reply.place)
        // Only now it can be told whether this end has the same two places under another name.
        if here.snapshot == .none { here = try opening.state(terms) }
        let there = try decoding { () throws(WireFault) in try reply.state.endState() }
        position.value = SessionPosition(here, there, hereIsUpstream: plan.hereIsUpstream)
        if case .carryOut = plan.request.purpose {
            end.permits = StepPermits(permits)
            try conversation.send(permits: permits)
        }
        observer.note(detail: "the other end is \(reply.place) on machine \(reply.machine), version \(reply.version)")
        let handshake = Handshake(
            here: here, there: there, terms: terms, filter: end.filter, newID: newID, isReset: plan.request.isReset,
            side: plan.isInitiatedHere ? .local : .remote)
        try handshake.prepare(end, conversation)
    }
}

/// One cycle of one edge, seen from the end that answers: an agent, or the other half of an edge within one machine.
package enum Responder {
    /// Serves one session over `stream` to its end, or obeys an order to open one. Blocks. Errors have been told to the other end;
    /// the code is for the caller's exit status.
    package static func serve(
        _ stream: any ByteStream, registry: RootRegistry, lent: LentStreams = LentStreams(), files: LentFiles? = nil,
        patience: Patience = Patience()
    ) -> ExitCode {
        let link = FrameLink(stream)
        let observer = TellingObserver(link)
        let conversation = Conversation(link, observer: observer, mayBeStopped: true, patience: patience)
        defer { conversation.end() }
        do throws(HeadwaterError) {
            let first = try conversation.expect(first: [.hello, .order])
            if first.kind == .order {
                try OrderedSession.obey(first, conversation, registry, lent)
                return .inStep
            }
            let hello = try decoding { () throws(WireFault) in try Hello(decoding: first.payload) }
            do throws(HeadwaterError) {
                try converse(hello, registry, files, conversation, observer)
            } catch {
                throw error.placed(hello.request.edge, isUpstream: !hello.openerIsUpstream)
            }
            try conversation.awaitGoodbye()
            try link.send(.goodbye)
            return .inStep
        } catch {
            conversation.tell(error)
            return error.exit
        }
    }

    /// The other half of a session within this process, on a thread behind a socket pair.
    package struct Here {
        package let stream: any ByteStream
        package let files: LentFiles
        fileprivate let thread: WorkerThread<Void>

        /// Ends the stream and waits until the other half has let go of its lock.
        package func end() {
            stream.close()
            try? thread.join()
        }
    }

    /// - Throws: `run.no-descriptors`.
    package static func inThisProcess(_ registry: RootRegistry) throws(HeadwaterError) -> Here {
        do {
            let (mine, other) = try DescriptorStream.pair()
            let files = LentFiles()
            let thread = WorkerThread<Void>("responder") { _ = serve(other, registry: registry, files: files) }
            return Here(stream: mine, files: files, thread: thread)
        } catch {
            throw HeadwaterError(
                "run.no-descriptors", "the system refuses another socket",
                remedy: "raise the limit of open files (ulimit -n, LimitNOFILE=) and run again", isTransient: true,
                cause: error.description)
        }
    }

    private static func converse(
        _ hello: Hello, _ registry: RootRegistry, _ files: LentFiles?, _ conversation: Conversation,
        _ observer: any SessionObserver
    ) throws(HeadwaterError) {
        let request = hello.request
        let filter = try SessionFilter(request.filter, skipsLinks: request.policy.symlinks == .skip)
        let resolutions = try ConflictPattern(sent: request.resolutions)
        let there = try decoding { () throws(WireFault) in try hello.state.endState() }
        let isInitiatedHere = request.edge.mode.isInitiated(atUpstream: !hello.openerIsUpstream)
        let role = Opening.Role(
            mayCreate: hello.openerIsUpstream && (request.isReset || there.isFresh), mayTakeOver: request.takesOver,
            isPeer: !isInitiatedHere, isAgent: true, isPlan: request.purpose.isPlan, isBidi: request.edge.mode == .bidi)
        let opening = try Opening(
            hello.there, session: request.edge.session, owner: try LockOwner(sent: request.owner), registry: registry,
            role)
        let file = opening.directory.databaseFile
        let number = SessionsHere.enter(file) { conversation.link.close() }
        defer { SessionsHere.leave(file, number) }
        let end = SessionEnd(
            opening, request, hello.there, filter, resolutions, registry, isUpstream: !hello.openerIsUpstream,
            lent: files)
        try opening.planning { () throws(HeadwaterError) in
            try answer(hello, opening, end, conversation)
            _ = try Cycle(end, conversation, observer).run(isSource: !hello.openerIsUpstream)
        }
    }

    /// From the other end's hello to two databases that hold the same rows.
    private static func answer(
        _ hello: Hello, _ opening: Opening, _ end: SessionEnd, _ conversation: Conversation
    ) throws(HeadwaterError) {
        let request = hello.request
        let there = try decoding { () throws(WireFault) in try hello.state.endState() }
        let isInitiatedHere = request.edge.mode.isInitiated(atUpstream: !hello.openerIsUpstream)
        do throws(HeadwaterError) {
            end.scanAhead()
            let terms = SessionTerms(
                session: request.edge.session, mode: request.edge.mode, isUpstream: !hello.openerIsUpstream,
                machineHere: Host.machineID, machineThere: hello.machine,
                placeHere: opening.root.canonicalPath, placeThere: hello.place)
            let here = try opening.state(terms)
            let reply = HelloReply(
                machine: Host.machineID, place: opening.root.canonicalPath, state: DatabaseState(here))
            try conversation.link.send(.hello, reply.encoded())
            if case .carryOut(let count) = request.purpose {
                end.permits = StepPermits(try conversation.expectPermits(count))
            }
            let handshake = Handshake(
                here: here, there: there, terms: terms, filter: end.filter, newID: SnapshotID(hello.newID),
                isReset: request.isReset, side: isInitiatedHere ? .local : .remote)
            try handshake.prepare(end, conversation)
        } catch {
            opening.undo()
            throw error
        }
    }
}

/// Where the two databases stand, once it is known.
private final class Position { var value: SessionPosition? }

extension SessionPosition {
    /// Nil where neither end has a database.
    fileprivate init?(_ here: EndState, _ there: EndState, hereIsUpstream: Bool) {
        func meta(_ end: EndState) -> SnapshotMeta? { if case .ok(let meta) = end.snapshot { meta } else { nil } }
        let (mine, theirs) = (meta(here), meta(there))
        guard let id = (mine ?? theirs)?.id.value else { return nil }
        let numbers = (mine?.mine ?? 0, theirs?.mine ?? 0)
        self.init(
            id: id, upstream: hereIsUpstream ? numbers.0 : numbers.1,
            downstream: hereIsUpstream ? numbers.1 : numbers.0)
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

extension LockOwner {
    /// As another process sent it.
    init(sent text: String) throws(HeadwaterError) {
        guard let owner = LockOwner(parsing: Array(text.utf8)) else {
            throw .protocolBroken(WireFault("unreadable owner"))
        }
        self = owner
    }
}

extension ConflictPattern {
    /// As another process sent it.
    fileprivate init(sent resolutions: [Resolution]) throws(HeadwaterError) {
        do throws(Matcher.BadRule) { try self.init(resolutions) } catch {
            throw .protocolBroken(WireFault("pattern \(error.index + 1) \(error.fault.message)"))
        }
    }
}
