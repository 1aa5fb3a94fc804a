import Core

/// `hello` of the end that opens the session: what it is to do, which way, where the other end's tree is, and how its own database
/// stands.
package struct Hello: Sendable {
    package static let textBytesMax = 4096

    package var protocolNumber: Int
    package var version: String
    package var request: SessionRequest
    /// Whether the end that opens is the upstream one.
    package var openerIsUpstream: Bool
    /// The side of the end that answers.
    package var there: EndRequest
    /// The name of a snapshot, should one have to be made.
    package var newID: Digest
    /// The opener's own tree: machine and canonical path.
    package var machine: String
    package var place: String
    package var state: DatabaseState

    package init(
        request: SessionRequest, openerIsUpstream: Bool, there: EndRequest, newID: Digest, machine: String,
        place: String, state: DatabaseState
    ) {
        protocolNumber = Version.protocolNumber
        version = Version.headwater
        self.request = request
        self.openerIsUpstream = openerIsUpstream
        self.there = there
        self.newID = newID
        self.machine = machine
        self.place = place
        self.state = state
    }

    package func encoded() -> [UInt8] {
        var out = ByteWriter()
        out.put(protocolNumber)
        out.put(version)
        out.put(request)
        out.put(openerIsUpstream)
        out.put(there)
        out.put(newID)
        out.put(machine)
        out.put(place)
        out.put(state)
        return out.bytes
    }

    package init(decoding payload: [UInt8]) throws(WireFault) {
        var input = ByteReader(payload)
        protocolNumber = try input.int(atMost: 1 << 20, "protocol version")
        version = try input.text(atMost: 64, "version")
        if protocolNumber != Version.protocolNumber {
            throw WireFault(
                "it speaks protocol \(protocolNumber) (version \(version)), this is protocol \(Version.protocolNumber)")
        }
        request = try input.sessionRequest()
        openerIsUpstream = try input.flag()
        there = try input.endRequest()
        newID = try input.digest()
        machine = try input.text(atMost: 64, "machine")
        place = try input.text(atMost: Hello.textBytesMax, "place")
        state = try input.databaseState()
        try input.finish()
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
    fileprivate mutating func databaseState() throws(WireFault) -> DatabaseState {
        let bound = Hello.textBytesMax
        let file = try text(atMost: 2 * bound, "file")
        let sibling = try optional { (r) throws(WireFault) in try r.sessionName() }
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
        let session = try sessionName()
        return DatabaseFacts(
            id: id, replaces: replaces, mine: mine, theirs: theirs, session: session, mode: try mode(),
            isUpstream: try flag(),
            machineHere: try text(atMost: 64, "machine"), machineThere: try text(atMost: 64, "machine"),
            placeHere: try text(atMost: bound, "place"), placeThere: try text(atMost: bound, "place"),
            filterDigest: try digest(),
            sum: try digest(), rows: Int64(try unsigned(atMost: 1 << 50, "rows")))
    }
}
