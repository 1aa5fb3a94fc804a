import Core
import Platform

extension HeadwaterError {
    static func silent(seconds: Double) -> HeadwaterError {
        HeadwaterError(
            "peer.silent", "the far end sent nothing for \(Int(seconds)) seconds",
            remedy: "check the link and the load of the far host; the next run goes on from here", exit: .unreachable,
            isTransient: true)
    }

    static func channelClosed() -> HeadwaterError {
        HeadwaterError(
            "ssh.channel-closed", "the channel is closed", remedy: "see the error before this one; run again",
            isTransient: true)
    }

    static func connectionLost(_ host: String, _ cause: String) -> HeadwaterError {
        HeadwaterError(
            "ssh.connection-lost", "the connection to \(host) was lost",
            remedy: "check the network and the SSH server of \(host); the next run goes on from here",
            exit: .unreachable, isTransient: true, cause: cause)
    }

    static func connectionClosed(_ host: String) -> HeadwaterError {
        HeadwaterError(
            "ssh.connection-closed", "the connection to \(host) was closed here",
            remedy: "run again", exit: .unreachable, isTransient: false)
    }

    static func timeout(_ host: String, _ during: String, seconds: Double) -> HeadwaterError {
        HeadwaterError(
            "ssh.timeout", "\(host) did not answer within \(Int(seconds)) seconds: \(during)",
            remedy: "check that the host is up and that no firewall drops packets to its SSH port",
            exit: .unreachable, isTransient: true)
    }

    static func protocolFailure(_ host: String, _ what: String, _ cause: String) -> HeadwaterError {
        HeadwaterError(
            "ssh.protocol", "the SSH connection to \(host) failed: \(what)",
            remedy: "check with `ssh -v \(host) true` what the server says", exit: .unreachable, isTransient: true,
            cause: cause)
    }

    /// The server said no to a channel.
    static func channelRefused(_ host: String, _ request: ChannelRequest, _ cause: String) -> HeadwaterError {
        guard case .tunnel(let target, let port) = request else {
            return HeadwaterError(
                "ssh.session-limit", "\(host) allows no further session on this connection",
                remedy: "raise MaxSessions in sshd_config of \(host)", cause: cause)
        }
        if !cause.contains("prohibited") { return jumpConnect(host, request, cause) }
        return HeadwaterError(
            "ssh.jump-refused", "the jump host \(host) does not forward connections to \(target) port \(port)",
            remedy: "permit it in sshd_config of \(host) (AllowTcpForwarding, PermitOpen, DisableForwarding)",
            cause: cause)
    }

    /// Whether a jump host was reached, and the host behind it was not.
    var isOfTunnel: Bool { code == "ssh.jump-connect" || code == "ssh.jump-refused" }

    static func jumpConnect(_ host: String, _ request: ChannelRequest, _ cause: String) -> HeadwaterError {
        var place = "the host"
        if case .tunnel(let target, let port) = request { place = "\(target) port \(port)" }
        return HeadwaterError(
            "ssh.jump-connect", "the jump host \(host) does not reach \(place)",
            remedy: "check from \(host) that the host is up and that its name is known there", exit: .unreachable,
            isTransient: true, cause: cause)
    }

    /// The server takes no more logins for the moment, whoever comes.
    static func busy(_ host: String, _ cause: String) -> HeadwaterError {
        HeadwaterError(
            "ssh.busy", "\(host) takes no more logins at the moment",
            remedy: "run again later, or raise MaxStartups in sshd_config of \(host)", exit: .unreachable,
            isTransient: true, cause: cause)
    }

    static func connectFailed(_ host: String, _ port: Int, _ failure: StreamSocket.ConnectFailure, seconds: Double)
        -> HeadwaterError
    {
        switch failure {
        case .name(let words):
            return HeadwaterError(
                "ssh.name", "the name \(host) cannot be resolved",
                remedy: "correct the host of the peer, or its HostName in ~/.ssh/config", exit: .unreachable,
                isTransient: true, cause: words)
        case .system(let error):
            if error.isTimeout { return .timeout(host, "connecting to port \(port)", seconds: seconds) }
            return HeadwaterError(
                "ssh.connect", "no connection to \(host) port \(port)",
                remedy: "check that the host is up and that an SSH server listens on port \(port)",
                exit: .unreachable, isTransient: true, cause: error.description)
        }
    }
}
