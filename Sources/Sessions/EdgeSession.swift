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
    ///   - isAgent: this process does so for an orchestrator elsewhere.
    ///   - lent: shared with the other end where that is in this process.
    /// - Throws: what ended the cycle; with exit `.halted` the `facts` say what a release would permit. Problems of single paths go to
    ///   `observer` and are counted.
    package static func run(
        _ plan: SessionPlan, isAgent: Bool = false, registry: RootRegistry, stream: any ByteStream,
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
            let counts = try converse(plan, isAgent, registry, lent, conversation, observer)
            try link.send(.goodbye)
            try conversation.awaitGoodbye()
            let traffic = counts.hasMoved ? link.counted : FrameLink.Traffic()
            return SessionOutcome(
                counts: counts, bytesSent: traffic.sent, bytesReceived: traffic.received,
                wasCancelled: cancellation.isRequested)
        } catch {
            let reason = conversation.reason(for: error).placed(plan.request.edge, isUpstream: plan.hereIsUpstream)
            conversation.tell(reason)
            if reason.exit == .databaseRefuses { conversation.awaitRefusal() }
            throw reason
        }
    }

    private static func converse(
        _ plan: SessionPlan, _ isAgent: Bool, _ registry: RootRegistry, _ lent: LentFiles?,
        _ conversation: Conversation,
        _ observer: any SessionObserver
    ) throws(HeadwaterError) -> CycleCounts {
        let role = Opening.Role(
            mayCreate: !plan.hereIsUpstream, mayTakeOver: isAgent && plan.request.takesOver,
            isPeer: !plan.isInitiatedHere, isAgent: isAgent)
        let request = plan.request
        let filter = try SessionFilter(request.filter, skipsLinks: request.policy.symlinks == .skip)
        let resolutions = try ConflictPattern(sent: request.resolutions)
        let opening = try Opening(
            plan.here, session: request.edge.session, owner: try LockOwner(sent: request.owner), registry: registry,
            role)
        let file = opening.directory.databaseFile
        let number = SessionsHere.enter(file) { conversation.link.close() }
        defer { SessionsHere.leave(file, number) }
        let end = SessionEnd(
            opening, request, plan.here, filter, resolutions, isUpstream: plan.hereIsUpstream, lent: lent)
        do throws(HeadwaterError) {
            end.scanAhead()
            try greet(plan, opening, end, conversation, observer)
        } catch {
            opening.undo()
            throw error
        }
        return try Cycle(end, conversation, observer).run(isSource: plan.hereIsUpstream)
    }

    /// From hello to two databases that hold the same rows.
    private static func greet(
        _ plan: SessionPlan, _ opening: Opening, _ end: SessionEnd, _ conversation: Conversation,
        _ observer: any SessionObserver
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
            isPeer: !isInitiatedHere, isAgent: true)
        let opening = try Opening(
            hello.there, session: request.edge.session, owner: try LockOwner(sent: request.owner), registry: registry,
            role)
        let file = opening.directory.databaseFile
        let number = SessionsHere.enter(file) { conversation.link.close() }
        defer { SessionsHere.leave(file, number) }
        let end = SessionEnd(
            opening, request, hello.there, filter, resolutions, isUpstream: !hello.openerIsUpstream, lent: files)
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
            let handshake = Handshake(
                here: here, there: there, terms: terms, filter: filter, newID: SnapshotID(hello.newID),
                isReset: request.isReset, side: isInitiatedHere ? .local : .remote)
            try handshake.prepare(end, conversation)
        } catch {
            opening.undo()
            throw error
        }
        _ = try Cycle(end, conversation, observer).run(isSource: !hello.openerIsUpstream)
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
