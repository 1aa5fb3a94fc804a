import Core

/// `hello` of the end that initiates: which session, which way, where the other end's tree is, and how its own database stands.
package struct Hello: Sendable {
    package static let textBytesMax = 4096

    package var protocolNumber: Int
    package var version: String
    package var edge: EdgeIdentity
    /// Whether the initiator is the source; for bidi both are.
    package var initiatorIsSource: Bool
    /// The tree at the other end, absolute or beginning `~/`.
    package var path: String
    package var database: String?
    package var mount: String?
    package var maxDelete: DeleteLimit
    package var isReset: Bool
    /// Halts that an operator released, with exactly what each listed.
    package var released: [ReleasedHalt]
    /// Who runs the session, as the lock file has it.
    package var owner: String
    /// The owner of the lock at the other end is known to be a dead process of the orchestrator's own host.
    package var takesOver: Bool
    /// The name of a snapshot, should one have to be made.
    package var newID: Digest
    /// The initiator's own tree: machine and canonical path.
    package var machine: String
    package var place: String
    package var state: DatabaseState

    package init(
        edge: EdgeIdentity, initiatorIsSource: Bool, path: String, database: String?, mount: String?,
        maxDelete: DeleteLimit, isReset: Bool,
        released: [ReleasedHalt], owner: String, takesOver: Bool, newID: Digest, machine: String, place: String,
        state: DatabaseState
    ) {
        protocolNumber = Version.protocolNumber
        version = Version.headwater
        self.edge = edge
        self.initiatorIsSource = initiatorIsSource
        self.path = path
        self.database = database
        self.mount = mount
        self.maxDelete = maxDelete
        self.isReset = isReset
        self.released = released
        self.owner = owner
        self.takesOver = takesOver
        self.newID = newID
        self.machine = machine
        self.place = place
        self.state = state
    }

    package func encoded() -> [UInt8] {
        var out = ByteWriter()
        out.put(protocolNumber)
        out.put(version)
        out.put(edge.upstream)
        out.put(edge.downstream)
        out.put(edge.session)
        out.put(edge.mode.rawValue)
        out.put(initiatorIsSource)
        out.put(path)
        out.put(database) { $0.put($1) }
        out.put(mount) { $0.put($1) }
        out.put(maxDelete)
        out.put(isReset)
        out.put(released.count)
        for halt in released {
            out.put(halt.code)
            out.put(halt.facts)
        }
        out.put(owner)
        out.put(takesOver)
        out.put(newID)
        out.put(machine)
        out.put(place)
        out.put(state)
        return out.bytes
    }

    package init(decoding payload: [UInt8]) throws(WireFault) {
        var input = ByteReader(payload)
        let bound = Hello.textBytesMax
        protocolNumber = try input.int(atMost: 1 << 20, "protocol version")
        version = try input.text(atMost: 64, "version")
        if protocolNumber != Version.protocolNumber {
            throw WireFault(
                "it speaks protocol \(protocolNumber) (version \(version)), this is protocol \(Version.protocolNumber)")
        }
        let upstream = try input.text(atMost: 64, "peer name")
        let downstream = try input.text(atMost: 64, "peer name")
        let session = try input.text(atMost: 64, "session name")
        guard let mode = Mode(rawValue: try input.text(atMost: 8, "mode")) else { throw WireFault("unknown mode") }
        edge = EdgeIdentity(upstream: upstream, downstream: downstream, session: session, mode: mode)
        initiatorIsSource = try input.flag()
        path = try input.text(atMost: bound, "path")
        database = try input.optional { (r) throws(WireFault) in try r.text(atMost: bound, "database") }
        mount = try input.optional { (r) throws(WireFault) in try r.text(atMost: bound, "mount") }
        maxDelete = try input.deleteLimit()
        isReset = try input.flag()
        released = []
        for _ in 0..<(try input.int(atMost: 64, "released halts")) {
            released.append(
                ReleasedHalt(code: try input.text(atMost: 64, "code"), facts: try input.text(atMost: bound, "facts")))
        }
        owner = try input.text(atMost: bound, "owner")
        takesOver = try input.flag()
        newID = try input.digest()
        machine = try input.text(atMost: 64, "machine")
        place = try input.text(atMost: bound, "place")
        state = try input.databaseState()
        try input.finish()
        guard Hello.isSessionName(session) else { throw WireFault("session name of odd characters") }
    }

    /// `[A-Za-z0-9_-]{1,64}`: names become directories.
    package static func isSessionName(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F, 0x2D: true
                default: false
                }
            }
    }
}

/// `hello` of the end that answers.
package struct HelloReply: Sendable {
    package var version: String
    package var machine: String
    package var place: String
    package var state: DatabaseState

    package init(machine: String, place: String, state: DatabaseState) {
        version = Version.headwater
        self.machine = machine
        self.place = place
        self.state = state
    }

    package func encoded() -> [UInt8] {
        var out = ByteWriter()
        out.put(version)
        out.put(machine)
        out.put(place)
        out.put(state)
        return out.bytes
    }

    package init(decoding payload: [UInt8]) throws(WireFault) {
        var input = ByteReader(payload)
        version = try input.text(atMost: 64, "version")
        machine = try input.text(atMost: 64, "machine")
        place = try input.text(atMost: Hello.textBytesMax, "place")
        state = try input.databaseState()
        try input.finish()
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

/// How the database of one end stands when a cycle begins.
package struct DatabaseState: Hashable, Sendable {
    package enum Content: Hashable, Sendable {
        case none
        /// Cannot be used, and nothing of it is touched: 1 no database, 2 corrupt, 3 newer schema (`detail` is its number), 4 of another
        /// program, 5 unreadable (`detail` says why).
        case refused(fault: UInt8, detail: String)
        case ok(DatabaseFacts)
    }

    /// The path of `snap.db`, for messages.
    package var file: String
    /// Another session of the same two places, where there is no database of this one.
    package var sibling: String?
    package var content: Content

    package init(file: String, sibling: String?, content: Content) {
        self.file = file
        self.sibling = sibling
        self.content = content
    }
}

package struct DatabaseFacts: Hashable, Sendable {
    /// The name of the snapshot, the same at both ends.
    package var id: Digest
    /// The snapshot that a reset put this one in the place of.
    package var replaces: Digest?
    /// The last commit of this end.
    package var mine: Int64
    /// The last commit of the other end that this end has recorded.
    package var theirs: Int64
    /// What was recorded when it was made: session, mode, side, machines and places.
    package var session: String
    package var mode: Mode
    package var isUpstream: Bool
    package var machineHere: String
    package var machineThere: String
    package var placeHere: String
    package var placeThere: String
    package var filterDigest: Digest
    /// The running sum of the agreed halves, and how many rows it covers.
    package var sum: Digest
    package var rows: Int64

    package init(
        id: Digest, replaces: Digest?, mine: Int64, theirs: Int64, session: String, mode: Mode, isUpstream: Bool,
        machineHere: String, machineThere: String,
        placeHere: String, placeThere: String, filterDigest: Digest, sum: Digest, rows: Int64
    ) {
        self.id = id
        self.replaces = replaces
        self.mine = mine
        self.theirs = theirs
        self.session = session
        self.mode = mode
        self.isUpstream = isUpstream
        self.machineHere = machineHere
        self.machineThere = machineThere
        self.placeHere = placeHere
        self.placeThere = placeThere
        self.filterDigest = filterDigest
        self.sum = sum
        self.rows = rows
    }
}

// MARK: Parts

extension ByteWriter {
    fileprivate mutating func put(_ limit: DeleteLimit) {
        switch limit {
        case .percent(let value):
            put(UInt8(0))
            put(value)
        case .count(let value):
            put(UInt8(1))
            put(value)
        }
    }

    fileprivate mutating func put(_ state: DatabaseState) {
        put(state.file)
        put(state.sibling) { $0.put($1) }
        switch state.content {
        case .none: put(UInt8(0))
        case .refused(let fault, let detail):
            put(UInt8(1))
            put(fault)
            put(bounded: detail)
        case .ok(let facts):
            put(UInt8(2))
            put(facts.id)
            put(facts.replaces) { $0.put($1) }
            put(unsigned: UInt64(facts.mine))
            put(unsigned: UInt64(facts.theirs))
            put(facts.session)
            put(facts.mode.rawValue)
            put(facts.isUpstream)
            put(facts.machineHere)
            put(facts.machineThere)
            put(facts.placeHere)
            put(facts.placeThere)
            put(facts.filterDigest)
            put(facts.sum)
            put(unsigned: UInt64(facts.rows))
        }
    }
}

extension ByteReader {
    fileprivate mutating func deleteLimit() throws(WireFault) -> DeleteLimit {
        switch try byte() {
        case 0: return .percent(try int(atMost: 100, "percentage"))
        case 1: return .count(try int(atMost: 1 << 50, "deletions"))
        default: throw WireFault("unknown kind of delete limit")
        }
    }

    fileprivate mutating func databaseState() throws(WireFault) -> DatabaseState {
        let bound = Hello.textBytesMax
        let file = try text(atMost: 2 * bound, "file")
        let sibling = try optional { (r) throws(WireFault) in try r.text(atMost: 64, "session name") }
        let content: DatabaseState.Content
        switch try byte() {
        case 0: content = .none
        case 1: content = .refused(fault: try byte(), detail: try text(atMost: bound, "detail"))
        case 2: content = .ok(try databaseFacts())
        default: throw WireFault("unknown state of a database")
        }
        return DatabaseState(file: file, sibling: sibling, content: content)
    }

    private mutating func databaseFacts() throws(WireFault) -> DatabaseFacts {
        let bound = Hello.textBytesMax
        let id = try digest()
        let replaces = try optional { (r) throws(WireFault) in try r.digest() }
        let mine = Int64(try unsigned(atMost: 1 << 60, "commit number"))
        let theirs = Int64(try unsigned(atMost: 1 << 60, "commit number"))
        let session = try text(atMost: 64, "session name")
        guard let mode = Mode(rawValue: try text(atMost: 8, "mode")) else { throw WireFault("unknown mode") }
        return DatabaseFacts(
            id: id, replaces: replaces, mine: mine, theirs: theirs, session: session, mode: mode,
            isUpstream: try flag(),
            machineHere: try text(atMost: 64, "machine"), machineThere: try text(atMost: 64, "machine"),
            placeHere: try text(atMost: bound, "place"), placeThere: try text(atMost: bound, "place"),
            filterDigest: try digest(),
            sum: try digest(), rows: Int64(try unsigned(atMost: 1 << 50, "rows")))
    }
}
