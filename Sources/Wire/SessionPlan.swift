import Core

/// Everything one cycle needs to know of its edge, as the end that opens the session has it.
package struct SessionPlan: Hashable, Sendable {
    package var request: SessionRequest
    /// The end that opens the session.
    package var here: EndRequest
    /// The end that answers.
    package var there: EndRequest
    /// Whether `here` is the upstream end of the edge. Data flows from upstream to downstream; bidi both ways.
    package var hereIsUpstream: Bool

    package init(request: SessionRequest, here: EndRequest, there: EndRequest, hereIsUpstream: Bool) {
        self.request = request
        self.here = here
        self.there = there
        self.hereIsUpstream = hereIsUpstream
    }

    /// Whether the session counts as initiated where it is opened; for the wording of refusals, in which that end is the local one.
    package var isInitiatedHere: Bool { request.edge.mode.isInitiated(atUpstream: hereIsUpstream) }
}

extension Mode {
    /// A pull is initiated downstream, push and bidi upstream; who opens the stream is another matter.
    package func isInitiated(atUpstream isUpstream: Bool) -> Bool { (self == .pull) != isUpstream }
}

/// What a session is to do, the same at both ends.
package struct SessionRequest: Hashable, Sendable {
    package var edge: EdgeIdentity
    package var maxDelete: DeleteLimit
    package var policy: SessionPolicy
    package var purpose: SessionPurpose
    /// Rebuild both databases: union, equal files adopted, nothing deleted.
    package var isReset: Bool
    /// Content is read again at both ends, whatever the rows say of it.
    package var isVerifying: Bool
    /// Halts that an operator released, with exactly what each listed.
    package var released: [ReleasedHalt]
    /// What is synced and what is not, at both ends alike; the first rule that matches decides.
    package var filter: [FilterRule]
    /// What was decided for conflicts that stand.
    package var resolutions: [Resolution]
    /// Who runs the session, as the lock file has it.
    package var owner: String
    /// The owner of the lock at the answering end is known to be a dead process of the orchestrator's own host.
    package var takesOver: Bool

    package init(
        edge: EdgeIdentity, maxDelete: DeleteLimit, policy: SessionPolicy = .standard,
        purpose: SessionPurpose = .run, isReset: Bool = false, isVerifying: Bool = false,
        released: [ReleasedHalt] = [], filter: [FilterRule] = [], resolutions: [Resolution] = [], owner: String,
        takesOver: Bool = false
    ) {
        self.edge = edge
        self.maxDelete = maxDelete
        self.policy = policy
        self.purpose = purpose
        self.isReset = isReset
        self.isVerifying = isVerifying
        self.released = released
        self.filter = filter
        self.resolutions = resolutions
        self.owner = owner
        self.takesOver = takesOver
    }
}

/// What comes of a session.
package enum SessionPurpose: Hashable, Sendable {
    /// Both ends are brought in step.
    case run
    /// Nothing is written at either end: the target says what it would do.
    ///
    /// - Parameter readsContent: the digests of all that would be sent are needed, since another edge of the plan decides by them.
    case plan(readsContent: Bool)
    /// As `run`, but only this many steps, which come behind the hellos, and as they say.
    case carryOut(stepsCount: Int)

    /// What a plan that is carried out may hold for one edge.
    package static let stepsMax = 1 << 24

    package var isPlan: Bool { if case .plan = self { true } else { false } }
}

/// What one end is to know of its side.
package struct EndRequest: Hashable, Sendable {
    /// Absolute or beginning `~/`, which is the home directory at that end.
    package var path: String
    /// Only this directory beneath `path`.
    package var subpath: String?
    /// Holds `.headwater/<session>/snap.db`; `path` where nil.
    package var database: String?
    /// A path beneath `path` that must exist, or it counts as unmounted.
    package var mount: String?
    /// How old the view of the tree may be: any scan will do that was asked for at this moment of the run or later.
    ///
    /// Moments are numbers that the orchestrator gives out, rising; 0 takes any scan of this process.
    package var viewSince: UInt64
    /// Another edge of this run reads this tree when this one has written it.
    package var isReadLater: Bool

    package init(
        path: String, subpath: String? = nil, database: String? = nil, mount: String? = nil, viewSince: UInt64 = 0,
        isReadLater: Bool = false
    ) {
        self.path = path
        self.subpath = subpath
        self.database = database
        self.mount = mount
        self.viewSince = viewSince
        self.isReadLater = isReadLater
    }
}

/// A halt that an operator permitted: the code of its error and exactly what it listed.
package struct ReleasedHalt: Hashable, Sendable {
    package var code: String
    package var facts: String

    package init(code: String, facts: String) {
        self.code = code
        self.facts = facts
    }
}

/// How many deletions a cycle may make.
package enum DeleteLimit: Hashable, Sendable {
    /// Of the rows at the start, 0...100; applies from 100 deletions up.
    case percent(Int)
    case count(Int)
}

// MARK: Coding

extension ByteWriter {
    mutating func put(_ request: SessionRequest) {
        put(request.edge.upstream)
        put(request.edge.downstream)
        put(request.edge.session)
        put(request.edge.mode.rawValue)
        put(request.maxDelete)
        put(request.policy)
        put(request.purpose)
        put(request.isReset)
        put(request.isVerifying)
        put(request.released.count)
        for halt in request.released {
            put(halt.code)
            put(halt.facts)
        }
        put(request.filter)
        put(request.resolutions)
        put(request.owner)
        put(request.takesOver)
    }

    private mutating func put(_ purpose: SessionPurpose) {
        switch purpose {
        case .run: put(UInt8(0))
        case .plan(let readsContent): put(UInt8(readsContent ? 2 : 1))
        case .carryOut(let count):
            put(UInt8(3))
            put(count)
        }
    }

    mutating func put(_ end: EndRequest) {
        put(end.path)
        put(end.subpath) { $0.put($1) }
        put(end.database) { $0.put($1) }
        put(end.mount) { $0.put($1) }
        put(unsigned: end.viewSince)
        put(end.isReadLater)
    }

    private mutating func put(_ limit: DeleteLimit) {
        switch limit {
        case .percent(let value):
            put(UInt8(0))
            put(value)
        case .count(let value):
            put(UInt8(1))
            put(value)
        }
    }
}

extension ByteReader {
    /// - Throws: also for a session's name of odd characters, since names become directories.
    mutating func sessionRequest() throws(WireFault) -> SessionRequest {
        let upstream = try text(atMost: 64, "peer name")
        let downstream = try text(atMost: 64, "peer name")
        let session = try sessionName()
        let edge = EdgeIdentity(upstream: upstream, downstream: downstream, session: session, mode: try mode())
        let maxDelete = try deleteLimit()
        let policy = try policy()
        let purpose = try purpose()
        let isReset = try flag()
        let isVerifying = try flag()
        var released: [ReleasedHalt] = []
        for _ in 0..<(try int(atMost: 64, "released halts")) {
            released.append(
                ReleasedHalt(
                    code: try text(atMost: 64, "code"), facts: try text(atMost: Hello.textBytesMax, "facts")))
        }
        return SessionRequest(
            edge: edge, maxDelete: maxDelete, policy: policy, purpose: purpose, isReset: isReset,
            isVerifying: isVerifying, released: released,
            filter: try filterRules(), resolutions: try resolutions(),
            owner: try text(atMost: Hello.textBytesMax, "owner"), takesOver: try flag())
    }

    /// - Throws: also for odd characters, since names become directories and stand in commands to copy.
    mutating func sessionName() throws(WireFault) -> String {
        let name = try text(atMost: 64, "session name")
        guard Name.isValid(name) else { throw WireFault("session name of odd characters") }
        return name
    }

    mutating func endRequest() throws(WireFault) -> EndRequest {
        let bound = Hello.textBytesMax
        return EndRequest(
            path: try text(atMost: bound, "path"),
            subpath: try optional { (r) throws(WireFault) in try r.text(atMost: bound, "subpath") },
            database: try optional { (r) throws(WireFault) in try r.text(atMost: bound, "database") },
            mount: try optional { (r) throws(WireFault) in try r.text(atMost: bound, "mount") },
            viewSince: try unsigned(atMost: .max, "moment"), isReadLater: try flag())
    }

    mutating func mode() throws(WireFault) -> Mode {
        guard let mode = Mode(rawValue: try text(atMost: 8, "mode")) else { throw WireFault("unknown mode") }
        return mode
    }

    private mutating func purpose() throws(WireFault) -> SessionPurpose {
        switch try byte() {
        case 0: return .run
        case 1: return .plan(readsContent: false)
        case 2: return .plan(readsContent: true)
        case 3: return .carryOut(stepsCount: try int(atMost: SessionPurpose.stepsMax, "number of steps"))
        default: throw WireFault("unknown purpose of a session")
        }
    }

    private mutating func deleteLimit() throws(WireFault) -> DeleteLimit {
        switch try byte() {
        case 0: return .percent(try int(atMost: 100, "percentage"))
        case 1: return .count(try int(atMost: 1 << 50, "deletions"))
        default: throw WireFault("unknown kind of delete limit")
        }
    }
}
