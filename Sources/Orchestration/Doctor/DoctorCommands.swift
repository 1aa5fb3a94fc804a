import Core
import Topologies

/// What to type against a finding.
enum DoctorCommands {
    /// `command` on the machine of `peer`, typed here; with a terminal there where it may ask for a password.
    static func there(_ peer: Peer, _ command: String) -> String {
        guard let host = peer.host else { return command }
        let ssh = command.hasPrefix("sudo ") ? "ssh -t" : "ssh"
        return ([ssh] + options(host) + [ShellWord.quoted(command)]).joined(separator: " ")
    }

    /// Against what kept a peer from being reached.
    static func of(_ error: HeadwaterError, _ peer: Peer) -> [String] {
        guard let host = peer.host else { return [] }
        let written = written(in: error.remedy)
        if !written.isEmpty { return written.map { $0.hasPrefix("sudo ") ? there(peer, $0) : $0 } }
        switch error.code {
        case "ssh.login-refused":
            return [(["ssh-copy-id"] + options(host)).joined(separator: " ")]
        case "ssh.no-key": return ["ssh-keygen -t ed25519", (["ssh-copy-id"] + options(host)).joined(separator: " ")]
        case _ where ReachStage(of: error) == .port || ReachStage(of: error) == .name:
            return [(["ssh -v"] + options(host) + ["true"]).joined(separator: " ")]
        default: return []
        }
    }

    /// What stands between backquotes, or behind the last colon where that is a command.
    private static func written(in remedy: String) -> [String] {
        let programs = ["sudo", "ssh-keyscan", "ssh-keygen", "ssh-add", "ssh", "chmod", "mkdir", "make"]
        func isCommand(_ text: Substring) -> Bool { programs.contains { text.hasPrefix($0 + " ") } }
        let parts = remedy.split(separator: "`", omittingEmptySubsequences: false)
        let quoted = parts.indices.filter { $0 % 2 == 1 && $0 < parts.count - 1 }.map { parts[$0] }.filter(isCommand)
        var found = quoted.map(String.init)
        if let range = remedy.ranges(of: ": ").last(where: { isCommand(remedy[$0.upperBound...]) }) {
            found.append(String(remedy[range.upperBound...]))
        }
        return found
    }

    /// As ssh takes them, the destination last.
    private static func options(_ host: HostReference) -> [String] {
        var words: [String] = []
        if let port = host.port, port != 22 { words += ["-p", "\(port)"] }
        if let identity = host.identity { words += ["-i", ShellWord.path(identity)] }
        if let known = host.knownHosts { words += ["-o", "UserKnownHostsFile=" + ShellWord.path(known)] }
        return words + [ShellWord.quoted((host.user.map { $0 + "@" } ?? "") + host.host)]
    }
}
