import Core
import Platform

/// All connections of one orchestrator to one target: channels share a connection until the server allows no more, then another is
/// opened. A transient failure is tried again with growing pauses; a wrong host key or a refused login never: it is the answer to every
/// further call, so that many edges do not look like an attack.
package final class HostConnections: Sendable {
    /// When and how often to try again.
    package struct Retry: Sendable {
        package var triesMax = 3
        package var secondsMax = 60.0
        /// Before the second try; doubled for each further one, and varied by up to half, so that many edges do not come at once.
        package var firstPauseSeconds = 0.5

        package init(triesMax: Int = 3, secondsMax: Double = 60, firstPauseSeconds: Double = 0.5) {
            self.triesMax = triesMax
            self.secondsMax = secondsMax
            self.firstPauseSeconds = firstPauseSeconds
        }
    }

    /// Handshakes at a time to one host: sshd drops unauthenticated connections at random from ten on.
    fileprivate static let handshakesMax = 4

    fileprivate struct Member: Sendable {
        let connection: Connection
        let id: Int
        var channels: [Channel] = []
        var openingCount = 0
        /// Found by being refused.
        var channelsMax: Int?
        var hasAccepted = false
        /// Refusals since the last channel that was accepted.
        var refusalCount = 0
    }

    fileprivate struct State: Sendable {
        var members: [Member] = []
        var handshakeCount = 0
        var nextID = 0
        /// Callers that have no channel yet, those who connect included.
        var waitingCount = 0
        /// Channels that the server allows on one connection, as far as refusals have told.
        var channelsMax: Int?
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
    private let state = Monitor(State())

    /// Connects at the first `openChannel`, not here.
    package init(_ settings: SSHSettings, retry: Retry = Retry()) {
        self.settings = settings
        self.retry = retry
    }

    deinit { close() }

    /// Starts `command` at the far end on a connection that has room. Blocks, with all tries at most about `Retry.secondsMax` and one
    /// connection attempt. The caller closes the channel.
    ///
    /// - Parameter stallSeconds: how long a `write` may wait for room; nil is for ever.
    /// - Throws: what `Connection.open` and `Connection.openChannel` throw, the last of the tries.
    package func openChannel(command: String, stallSeconds: Double? = nil) throws(HeadwaterError) -> Channel {
        let end = MonotonicClock.after(seconds: retry.secondsMax)
        var tries = 0
        while true {
            do throws(HeadwaterError) {
                return try attempt(command, stallSeconds)
            } catch {
                tries += 1
                guard error.isTransient, tries < retry.triesMax, MonotonicClock.now < end else { throw error }
                try pause(before: tries, end)
            }
        }
    }

    /// Ends all connections and their channels. Does not wait.
    package func close() {
        let open = state.update { state in
            state.isClosed = true
            defer { state.members = [] }
            return state.members
        }
        for member in open { member.connection.close() }
    }

    /// The connections that stand at the moment.
    package var connectionCount: Int { state.read { $0.members.count { $0.connection.isAlive } } }

    private func pause(before tries: Int, _ end: UInt64) throws(HeadwaterError) {
        let varied = 0.5 + Double(Host.randomBytes(1)[0]) / 255
        let seconds = retry.firstPauseSeconds * Double(1 << (tries - 1)) * varied
        let until = min(MonotonicClock.after(seconds: seconds), end)
        let isClosed = state.wait(until: until) { $0.isClosed ? true : nil }
        if isClosed != nil { throw .connectionClosed(settings.alias) }
    }

    private func attempt(_ command: String, _ stallSeconds: Double?) throws(HeadwaterError) -> Channel {
        state.update { $0.waitingCount += 1 }
        defer { state.update { $0.waitingCount -= 1 } }
        while true {
            switch try next() {
            case .use(let connection, let id):
                if let channel = try open(command, stallSeconds, on: connection, id) { return channel }
            case .connect: try connect()
            }
        }
    }

    /// A connection with room, or leave to make one; waits while others make one that may do.
    private func next() throws(HeadwaterError) -> Step {
        let failuresSeen = state.read { $0.failureCount }
        return try state.wait { (state) throws(HeadwaterError) -> Step? in
            if state.isClosed { throw .connectionClosed(settings.alias) }
            if let failure = state.failure, state.failureCount > failuresSeen || !failure.isTransient { throw failure }
            state.members.removeAll { !$0.connection.isAlive }
            for index in state.members.indices where state.members[index].hasRoom {
                state.members[index].openingCount += 1
                return .use(state.members[index].connection, id: state.members[index].id)
            }
            guard state.mayConnect else { return nil }
            state.handshakeCount += 1
            return .connect
        }
    }

    private func connect() throws(HeadwaterError) {
        let result: Result<Connection, HeadwaterError>
        do throws(HeadwaterError) {
            result = .success(try Connection.open(settings))
        } catch {
            result = .failure(error)
        }
        let unwanted = state.update { state -> Connection? in
            state.handshakeCount -= 1
            guard case .success(let connection) = result else {
                if case .failure(let error) = result { state.failure = error }
                state.failureCount += 1
                return nil
            }
            state.failure = nil
            if state.isClosed { return connection }
            state.members.append(Member(connection: connection, id: state.nextID, channelsMax: state.channelsMax))
            state.nextID += 1
            return nil
        }
        unwanted?.close()
        _ = try result.get()
    }

    /// nil when this connection has no room after all.
    private func open(_ command: String, _ stallSeconds: Double?, on connection: Connection, _ id: Int)
        throws(HeadwaterError) -> Channel?
    {
        let result: Result<Channel, HeadwaterError>
        do throws(HeadwaterError) {
            result = .success(try connection.openChannel(command: command, stallSeconds: stallSeconds))
        } catch {
            result = .failure(error)
        }
        let isUseless = state.update { state -> Bool in
            guard let index = state.members.firstIndex(where: { $0.id == id }) else { return false }
            defer { state.channelsMax = state.members[index].channelsMax ?? state.channelsMax }
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
        guard handshakeCount < HostConnections.handshakesMax, let channelsMax else { return false }
        return handshakeCount * channelsMax < waitingCount - members.reduce(0) { $0 + $1.openingCount }
    }
}

extension HostConnections.Member {
    /// Channels that the server still counts.
    private var channelCount: Int { channels.count { !$0.isOver } }

    fileprivate var hasRoom: Bool {
        guard connection.isAlive else { return false }
        guard let channelsMax else { return true }
        // The server may free a session later than it says so.
        if refusalCount > 3 { return false }
        return channelCount + openingCount < channelsMax
    }

    /// Books the outcome of an opening; true when the server allows not even one channel.
    fileprivate mutating func settle(_ result: Result<Channel, HeadwaterError>) -> Bool {
        openingCount -= 1
        channels.removeAll(where: \.isOver)
        switch result {
        case .success(let channel):
            channels.append(channel)
            hasAccepted = true
            refusalCount = 0
            channelsMax = channelsMax.map { max($0, channels.count) }
        case .failure(let error) where error.code == "ssh.session-limit":
            if !hasAccepted, openingCount == 0 { return true }
            refusalCount += 1
            channelsMax = max(1, channels.count)
        case .failure: break
        }
        return false
    }
}
