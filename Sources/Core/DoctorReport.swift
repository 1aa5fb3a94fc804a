/// What `doctor` has to say about one or more peers.
package struct Finding: Sendable {
    package enum Severity: String, Sendable, CaseIterable {
        /// A run would fail or halt.
        case error
        /// A run would do, but not all of it as one may expect.
        case warning
        /// Worth knowing; counts for nothing.
        case note
    }

    package var severity: Severity
    /// By name, in the order of the topology; at least one.
    package var peers: [String]
    /// Code, message and remedy; `exit` is what a run would end with.
    package var error: HeadwaterError
    /// What to type, in this order.
    package var commands: [String]

    package init(_ severity: Severity, _ peers: [String], _ error: HeadwaterError, commands: [String] = []) {
        (self.severity, self.peers, self.error, self.commands) = (severity, peers, error, commands)
    }

    /// A note is nothing to report; a warning counts like paths that fail.
    package var exit: ExitCode {
        switch severity {
        case .error: error.exit
        case .warning: .problems
        case .note: .inStep
        }
    }
}

/// The steps by which a far peer is reached.
package enum ReachStage: String, Sendable, CaseIterable {
    case name
    case port
    case hostKey = "host-key"
    case login
    case agent
}

/// How far one clock is from this machine's.
package struct ClockOffset: Hashable, Sendable {
    /// Positive when it is ahead.
    package var seconds: Double
    /// Half of the time that the question was under way: the offset is no more exact than this.
    package var uncertainty: Double

    package init(seconds: Double, uncertainty: Double) { (self.seconds, self.uncertainty) = (seconds, uncertainty) }

    /// From the four times of one question (NTP's formula): sent and received here, received and answered there.
    package init(sent: Timestamp, asked: Timestamp, answered: Timestamp, received: Timestamp) {
        let (out, back) = (asked.seconds(since: sent), received.seconds(since: answered))
        seconds = (out - back) / 2
        uncertainty = max(0, (out + back) / 2)
    }
}

extension Timestamp {
    /// May be negative.
    package func seconds(since other: Timestamp) -> Double {
        Double(seconds - other.seconds) + (Double(nanoseconds) - Double(other.nanoseconds)) / 1e9
    }
}

/// What was found out about one peer.
package struct PeerCheck: Sendable {
    package var peer: String
    /// As a person would write it.
    package var place: String
    package var isHere: Bool
    /// Where reaching it ended, and with what; nil when it was reached.
    package var failure: (stage: ReachStage, error: HeadwaterError)?
    /// Seconds until its agent answered.
    package var seconds: Double = 0
    package var host: HostFacts?
    package var root: RootFacts?
    package var clock: ClockOffset?
    /// What edges would bring into it, as far as that is known.
    package var toCome: TreeSize?
    /// Directories to watch in it.
    package var watches: UInt64?

    package init(peer: String, place: String, isHere: Bool) {
        (self.peer, self.place, self.isHere) = (peer, place, isHere)
    }
}

/// All of it; in the order of the topology.
package struct DoctorReport: Sendable {
    package var checks: [PeerCheck]
    package var findings: [Finding]

    package init(checks: [PeerCheck], findings: [Finding]) { (self.checks, self.findings) = (checks, findings) }

    /// 0 when there is nothing to report.
    package var exit: ExitCode { ExitCode.worst(findings.map(\.exit)) }
}
