import Core

/// `examine`: which peer is to be looked at on an agent's host before anything runs.
package enum ExamineMessage {
    /// Of sub-directories, and of sessions: so that the answer fits into a frame whatever is wrong with each.
    package static let partsMax = 256

    /// - Parameter request: of its sub-directories and sessions at most `partsMax` each.
    package static func encoded(_ request: ExaminationRequest) -> [UInt8] {
        var out = ByteWriter()
        out.put(request.path)
        out.put(request.mount) { $0.put($1) }
        out.put(request.database) { $0.put($1) }
        for list in [request.subpaths, request.sessions] {
            out.put(list.count)
            for text in list { out.put(text) }
        }
        return out.bytes
    }

    package static func decode(_ payload: [UInt8]) throws(WireFault) -> ExaminationRequest {
        var input = ByteReader(payload)
        let request = try input.request()
        try input.finish()
        return request
    }
}

/// `examined`: what the host is and what was found.
package struct ExamineReply: Sendable {
    package var host: HostFacts
    package var root: RootFacts

    package init(host: HostFacts, root: RootFacts) { (self.host, self.root) = (host, root) }

    package func encoded() -> [UInt8] {
        var out = ByteWriter()
        out.put(host)
        out.put(root)
        return out.bytes
    }

    package init(decoding payload: [UInt8]) throws(WireFault) {
        var input = ByteReader(payload)
        host = try input.host()
        root = try input.root()
        try input.finish()
    }
}

extension ByteWriter {
    fileprivate mutating func put(_ host: HostFacts) {
        for text in [host.headwater, host.system, host.name, host.boot] { put(bounded: text) }
        put(host.protocolNumber)
        put(Int(host.user))
        put(host.watchesMax) { $0.put(unsigned: $1) }
        put(host.askedAt)
        put(host.answeredAt)
    }

    fileprivate mutating func put(_ root: RootFacts) {
        put(root.kind.rawValue)
        put(root.path)
        for flag in [root.isReadable, root.isWritable, root.isParentThere] { put(flag) }
        put(root.isMarkThere) { $0.put($1) }
        put(root.cause) { $0.put(bounded: $1) }
        put(root.fileSystem) { $0.put($1) }
        put(root.trees.count)
        for tree in root.trees { put(tree) { $0.put($1) } }
        put(root.database.path)
        put(root.database.isThere)
        put(root.database.isWritable)
        put(root.sessions.count)
        for session in root.sessions { put(session) }
    }

    private mutating func put(_ facts: FileSystemFacts) {
        put(bounded: facts.type)
        put(bounded: facts.device)
        put(facts.isReadOnly)
        for number in [facts.freeBytes, facts.totalBytes, facts.freeInodes, facts.totalInodes] { put(unsigned: number) }
        put(facts.timeStepNanoseconds) { $0.put(unsigned: $1) }
        put(facts.abilities.count)
        for answer in facts.abilities {
            put(answer.ability.rawValue)
            put(answer.isThere)
            put(answer.source.rawValue)
        }
    }

    private mutating func put(_ size: TreeSize) {
        for number in [size.entries, size.directories, size.bytes] { put(unsigned: number) }
        put(size.source.rawValue)
        put(size.isComplete)
    }

    private mutating func put(_ session: SessionFacts) {
        put(session.session)
        switch session.state {
        case .none: put(UInt8(0))
        case .known(let size):
            put(UInt8(1))
            put(size) { $0.put($1) }
        case .refused(let error):
            put(UInt8(2))
            put(error)
        }
    }
}

extension ByteReader {
    /// The most bytes of a name or a description.
    private static var wordBytesMax: Int { ByteWriter.errorTextBytesMax }

    private mutating func word(_ what: StaticString) throws(WireFault) -> String {
        try text(atMost: ByteReader.wordBytesMax, what)
    }

    fileprivate mutating func request() throws(WireFault) -> ExaminationRequest {
        let path = try text(atMost: Hello.textBytesMax, "path")
        let mount = try optional { (input) throws(WireFault) in try input.text(atMost: Hello.textBytesMax, "mount") }
        let database = try optional { (input) throws(WireFault) in
            try input.text(atMost: Hello.textBytesMax, "database")
        }
        return ExaminationRequest(
            path: path, mount: mount, database: database, subpaths: try list("subpath"), sessions: try list("session"))
    }

    private mutating func list(_ what: StaticString) throws(WireFault) -> [String] {
        var texts: [String] = []
        for _ in 0..<(try int(atMost: ExamineMessage.partsMax, what)) {
            texts.append(try text(atMost: Hello.textBytesMax, what))
        }
        return texts
    }

    fileprivate mutating func host() throws(WireFault) -> HostFacts {
        var host = HostFacts()
        host.headwater = try word("version")
        host.system = try word("system")
        host.name = try word("name")
        host.boot = try word("boot")
        host.protocolNumber = try int(atMost: 1 << 20, "protocol")
        host.user = UInt32(try int(atMost: Int(UInt32.max), "user"))
        host.watchesMax = try optional { (input) throws(WireFault) in try input.unsigned() }
        host.askedAt = try time()
        host.answeredAt = try time()
        return host
    }

    fileprivate mutating func root() throws(WireFault) -> RootFacts {
        guard let kind = RootFacts.Kind(rawValue: try byte()) else { throw WireFault("unknown kind of a root") }
        var root = RootFacts(kind: kind, path: try text(atMost: Hello.textBytesMax, "path"))
        root.isReadable = try flag()
        root.isWritable = try flag()
        root.isParentThere = try flag()
        root.isMarkThere = try optional { (input) throws(WireFault) in try input.flag() }
        root.cause = try optional { (input) throws(WireFault) in try input.word("cause") }
        root.fileSystem = try optional { (input) throws(WireFault) in try input.fileSystem() }
        for _ in 0..<(try int(atMost: ExamineMessage.partsMax, "trees")) {
            root.trees.append(try optional { (input) throws(WireFault) in try input.size() })
        }
        root.database = DatabasePlace(
            path: try text(atMost: Hello.textBytesMax, "database"), isThere: try flag(), isWritable: try flag())
        for _ in 0..<(try int(atMost: ExamineMessage.partsMax, "sessions")) { root.sessions.append(try session()) }
        return root
    }

    private mutating func fileSystem() throws(WireFault) -> FileSystemFacts {
        var facts = FileSystemFacts()
        facts.type = try word("type")
        facts.device = try word("device")
        facts.isReadOnly = try flag()
        facts.freeBytes = try unsigned()
        facts.totalBytes = try unsigned()
        facts.freeInodes = try unsigned()
        facts.totalInodes = try unsigned()
        facts.timeStepNanoseconds = try optional { (input) throws(WireFault) in try input.unsigned() }
        for _ in 0..<(try int(atMost: Ability.allCases.count, "abilities")) { facts.abilities.append(try answer()) }
        return facts
    }

    private mutating func answer() throws(WireFault) -> AbilityAnswer {
        guard let ability = Ability(rawValue: try byte()) else { throw WireFault("unknown ability") }
        let isThere = try flag()
        guard let source = AbilityAnswer.Source(rawValue: try byte()) else { throw WireFault("unknown source") }
        return AbilityAnswer(ability, isThere, source)
    }

    private mutating func size() throws(WireFault) -> TreeSize {
        var size = TreeSize()
        size.entries = try unsigned()
        size.directories = try unsigned()
        size.bytes = try unsigned()
        guard let source = TreeSize.Source(rawValue: try byte()) else { throw WireFault("unknown source of a size") }
        size.source = source
        size.isComplete = try flag()
        return size
    }

    private mutating func session() throws(WireFault) -> SessionFacts {
        let name = try word("session")
        switch try byte() {
        case 0: return SessionFacts(session: name, state: .none)
        case 1:
            return SessionFacts(session: name, state: .known(try optional { (r) throws(WireFault) in try r.size() }))
        case 2: return SessionFacts(session: name, state: .refused(try error()))
        default: throw WireFault("unknown state of a session")
        }
    }
}
