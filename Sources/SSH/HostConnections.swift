import Core
import Platform

/// All connections of one orchestrator to one target: channels share a connection until the server allows no more, then another is
/// opened. A transient failure is tried again with growing pauses; a wrong host key or a refused login never: it is the answer to every
/// further call, so that many edges do not look like an attack.
///
/// To a host that others lie behind, tunnels share a connection as long as each is opened within a moment: libssh2 opens one channel at
/// a time, and a host that does not answer keeps it waiting.
package final class HostConnections: Sendable {
    /// When and how often to try again.
    package struct Retry: Sendable {
        package var triesMax = 3
        package var secondsMax = 60.0
        /// Before the second try; doubled for each further one, and varied by up to half, so that many edges do not come at once.
        package var firstPauseSeconds = 0.5
        fileprivate static let pauseSecondsMax = 8.0

        package init(triesMax: Int = 3, secondsMax: Double = 60, firstPauseSeconds: Double = 0.5) {
            self.triesMax = triesMax
            self.secondsMax = secondsMax
            self.firstPauseSeconds = firstPauseSeconds
        }
    }

    /// Handshakes at a time to one host: sshd drops unauthenticated connections at random from ten on.
    fileprivate static let handshakesMax = 4
    /// How long a tunnel waits for others to be opened before it asks for a connection of its own, and how many there may be.
    fileprivate static let tunnelPatienceSeconds = 1.0
    fileprivate static let tunnelConnectionsMax = 4

    fileprivate struct Member: Sendable {
        let connection: Connection
        let id: Int
        var channels: [Channel] = []
        var room = ChannelRoom()
    }

    fileprivate struct State: Sendable {
        var members: [Member] = []
        var handshakeCount = 0
        /// Attempts under way, by the order in which they began.
        var attempts: [Int: Connection.Shared] = [:]
        /// Lowered by a server that takes no more.
        var handshakesAtOnceMax = HostConnections.handshakesMax
        var nextID = 0
        /// Callers that have no channel yet, those who connect included.
        var waitingCount = 0
        /// The most channels that a connection which was refused one was found to hold: what new ones begin with.
        var limit: Int?
        /// Connection attempts that failed, and why the last one did: all who wait for it share its outcome.
        var failureCount = 0
        var failure: HeadwaterError?
        var isClosed = false
    }

    private enum Step {
        case use(Connection, id: Int)
        case connect
    }

    package let settings: SSHSettings
    private let retry: Retry
    private let run: SSHRun
    private let ownsRun: Bool
    private let state = Monitor(State())

    /// Connects at the first `openChannel`, not here.
    ///
    /// - Parameter run: what is shared with the connections to other hosts; nil for one of its own.
    package init(_ settings: SSHSettings, in run: SSHRun? = nil, retry: Retry = Retry()) {
        self.settings = settings
        self.retry = retry
        self.run = run ?? SSHRun()
        ownsRun = run == nil
    }

    deinit { close() }

    /// Starts `command` at the far end on a connection that has room. Blocks, with all tries at most about `Retry.secondsMax` and one
    /// connection attempt. The caller closes the channel.
    ///
    /// - Parameter stallSeconds: how long a `write` may wait for room; nil is for ever.
    /// - Throws: what `Connection.open` and `Connection.openChannel` throw, the last of the tries.
    package func openChannel(command: String, stallSeconds: Double? = nil) throws(HeadwaterError) -> Channel {
        try open(isTunnel: false) { (connection) throws(HeadwaterError) in
            try connection.openChannel(command: command, stallSeconds: stallSeconds)
        }
    }

    /// A stream to a port that the far host reaches, for a host behind it. Blocks as `openChannel`; the caller closes the channel.
    ///
    /// - Parameter seconds: how long the far host may take to connect.
    /// - Throws: what `Connection.open` throws, the last of the tries; `ssh.jump-connect` and `ssh.jump-refused` at once.
    func openTunnel(host: String, port: Int, seconds: Double) throws(HeadwaterError) -> Channel {
        try open(isTunnel: true) { (connection) throws(HeadwaterError) in
            try connection.openTunnel(host: host, port: port, seconds: seconds)
        }
    }

    private typealias Opening = (Connection) throws(HeadwaterError) -> Channel

    /// A server that is busy is asked again until the time is over; other failures at most `triesMax` times.
    private func open(isTunnel: Bool, _ opening: Opening) throws(HeadwaterError) -> Channel {
        let end = MonotonicClock.after(seconds: retry.secondsMax)
        var tries = 0
        while true {
            do throws(HeadwaterError) {
                return try attempt(isTunnel, opening, end)
            } catch {
                tries += 1
                // A host that a tunnel does not reach is for the connection to that host to try again.
                let isWorthIt = error.isTransient && !(isTunnel && error.isOfTunnel)
                guard isWorthIt, tries < retry.triesMax || error.code == "ssh.busy", MonotonicClock.now < end else {
                    throw error
                }
                try pause(before: tries, end)
            }
        }
    }

    /// Ends all connections and their channels. Does not wait.
    package func close() {
        if ownsRun { run.close() }
        stopStarting()
        let open = state.update { state in
            defer { state.members = [] }
            return state.members
        }
        for member in open { member.connection.close() }
    }

    /// Makes no further connection and tries nothing again; what stands is left to end by itself.
    func stopStarting() {
        let begun = state.update { state in
            state.isClosed = true
            return Array(state.attempts.values)
        }
        for attempt in begun { attempt.close() }
    }

    /// The connections that stand at the moment.
    package var connectionCount: Int { state.read { $0.members.count { $0.connection.isAlive } } }

    private func pause(before tries: Int, _ end: UInt64) throws(HeadwaterError) {
        let varied = 0.5 + Double(Host.randomBytes(1)[0]) / 255
        let seconds = min(retry.firstPauseSeconds * Double(1 << min(tries - 1, 10)), Retry.pauseSecondsMax) * varied
        let until = min(MonotonicClock.after(seconds: seconds), end)
        let isClosed = state.wait(until: until) { $0.isClosed ? true : nil }
        if isClosed != nil { throw .connectionClosed(settings.alias) }
    }

    private func attempt(_ isTunnel: Bool, _ opening: Opening, _ end: UInt64) throws(HeadwaterError) -> Channel {
        state.update { $0.waitingCount += 1 }
        defer { state.update { $0.waitingCount -= 1 } }
        while true {
            switch isTunnel ? try nextForTunnel(end) : try next() {
            case .use(let connection, let id):
                if let channel = try open(opening, on: connection, id) { return channel }
            case .connect: try connect()
            }
        }
    }

    /// A connection with room, or leave to make one; waits while others make one that may do.
    private func next() throws(HeadwaterError) -> Step {
        let failuresSeen = state.read { $0.failureCount }
        return try state.wait { (state) throws(HeadwaterError) -> Step? in
            if let step = try use(&state, failuresSeen, { $0.hasRoom($1) }) { return step }
            guard state.mayConnect else { return nil }
            state.handshakeCount += 1
            return .connect
        }
    }

    /// The same for a tunnel. Looks again from time to time: that a far host answers at last wakes nobody.
    private func nextForTunnel(_ end: UInt64) throws(HeadwaterError) -> Step {
        let failuresSeen = state.read { $0.failureCount }
        var isPatient = true
        while MonotonicClock.now < end {
            let until = MonotonicClock.after(seconds: HostConnections.tunnelPatienceSeconds)
            let found = try state.wait(until: until) { (state) throws(HeadwaterError) -> Step? in
                if let step = try use(&state, failuresSeen, { member, _ in member.hasRoomForTunnel }) { return step }
                guard state.mayConnectForTunnel(isPatient) else { return nil }
                state.handshakeCount += 1
                return .connect
            }
            if let found { return found }
            isPatient = false
        }
        throw .timeout(settings.alias, "waiting for a way through it", seconds: retry.secondsMax)
    }

    private func use(_ state: inout State, _ failuresSeen: Int, _ hasRoom: (Member, Int?) -> Bool)
        throws(HeadwaterError) -> Step?
    {
        if state.isClosed { throw .connectionClosed(settings.alias) }
        if let failure = state.failure, state.failureCount > failuresSeen || !failure.isTransient { throw failure }
        state.members.removeAll { !$0.connection.isAlive }
        let limit = state.limit
        guard let index = state.members.firstIndex(where: { hasRoom($0, limit) }) else { return nil }
        state.members[index].room.open()
        return .use(state.members[index].connection, id: state.members[index].id)
    }

    private func connect() throws(HeadwaterError) {
        let result: Result<Connection, HeadwaterError>
        let attempt = state.read { state in
            state.nextID += 1
            return state.nextID
        }
        do throws(HeadwaterError) {
            result = .success(try Connection.open(settings, in: run) { note($0, attempt) })
        } catch {
            result = .failure(error)
        }
        let unwanted = state.update { state -> Connection? in
            state.handshakeCount -= 1
            state.attempts[attempt] = nil
            guard case .success(let connection) = result else {
                if case .failure(let error) = result { state.book(error) }
                return nil
            }
            state.failure = nil
            if state.isClosed { return connection }
            state.members.append(Member(connection: connection, id: attempt))
            return nil
        }
        unwanted?.close()
        _ = try result.get()
    }

    /// From here on the attempt can be given up; one that comes too late is at once.
    private func note(_ core: Connection.Shared, _ attempt: Int) {
        let isLate = state.read { state in
            state.attempts[attempt] = core
            return state.isClosed
        }
        if isLate { core.close() }
    }

    /// nil when this connection has no room after all.
    private func open(_ opening: Opening, on connection: Connection, _ id: Int) throws(HeadwaterError) -> Channel? {
        let result: Result<Channel, HeadwaterError>
        do throws(HeadwaterError) {
            result = .success(try opening(connection))
        } catch {
            result = .failure(error)
        }
        let isUseless = state.update { state -> Bool in
            guard let index = state.members.firstIndex(where: { $0.id == id }) else { return false }
            defer {
                state.limit = state.members[index].room.channelsMax.map { max($0, state.limit ?? 1) } ?? state.limit
            }
            return state.members[index].settle(result)
        }
        switch result {
        case .success(let channel): return channel
        case .failure(let error) where error.code == "ssh.session-limit" && !isUseless: return nil
        case .failure(let error): throw error
        }
    }
}

extension HostConnections.State {
    /// Whether one more handshake at this moment serves those who wait: one may be enough for all until the server's limit is known.
    fileprivate var mayConnect: Bool {
        if handshakeCount == 0 { return true }
        guard handshakeCount < handshakesAtOnceMax, let limit else { return false }
        return handshakeCount * limit < waitingCount - members.reduce(0) { $0 + $1.room.openingCount }
    }

    /// One at a time, the second once patience is over.
    fileprivate func mayConnectForTunnel(_ isPatient: Bool) -> Bool {
        if handshakeCount > 0 { return false }
        return members.isEmpty || !isPatient && members.count < HostConnections.tunnelConnectionsMax
    }

    fileprivate mutating func book(_ error: HeadwaterError) {
        failure = error
        failureCount += 1
        if error.code == "ssh.busy" { handshakesAtOnceMax = max(1, handshakesAtOnceMax / 2) }
    }
}

extension HostConnections.Member {
    /// Channels that the server still counts.
    private var channelCount: Int { channels.count { !$0.isOver } }

    /// - Parameter limit: of connections to this server; nil while that is not known.
    fileprivate func hasRoom(_ limit: Int?) -> Bool {
        connection.isAlive && room.holdsMore(standing: channelCount, limit: limit)
    }

    /// No tunnel is being opened on it, not even one that its caller has given up.
    fileprivate var hasRoomForTunnel: Bool {
        connection.isAlive && room.openingCount == 0 && connection.unansweredCount == 0
    }

    /// Books the outcome of an opening; true when the server allows not even one channel.
    fileprivate mutating func settle(_ result: Result<Channel, HeadwaterError>) -> Bool {
        channels.removeAll(where: \.isOver)
        switch result {
        case .success(let channel):
            channels.append(channel)
            room.accept(standing: channels.count)
        case .failure(let error) where error.code == "ssh.session-limit":
            return room.refuse(standing: connection.standingWhenRefused)
        case .failure: room.giveUp()
        }
        return false
    }
}
