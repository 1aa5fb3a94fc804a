import Core
import Glibc
import Platform

/// Brings the agent to a far host and starts it there. In the usual case, where it is deployed already, starting costs one exec.
package enum AgentDeployment {
    /// What a far script said.
    private struct Report {
        var word: String
        var rest: String
    }

    /// What login shells may print before our command runs.
    private static let noiseBytesMax = 1 << 20
    /// Seconds without the far end taking any byte of an upload.
    private static let stallSeconds = 60.0
    /// How long an agent may take nothing off a channel: a disk that flushes for minutes is slow, not dead.
    private static let sessionStallSeconds = 600.0

    /// Starts the agent on a channel of its own; uploads it first where no agent of the same digest is found.
    ///
    /// Returns the channel at the agent's first byte: noise of the login shell is already skipped. The caller closes it. Blocks.
    /// - Parameter arguments: plain words (letters, digits, `-_./:=@%+,`).
    /// - Throws: what `HostConnections.openChannel` throws; `agent.architecture`, `agent.no-space`, `agent.read-only`, `agent.noexec`,
    ///   `agent.cannot-run`, `agent.digest-tool`, `agent.upload`, `agent.shell`.
    package static func start(_ agent: AgentBinary, arguments: [String], on hosts: HostConnections)
        throws(HeadwaterError)
        -> Channel
    {
        for isRetry in [false, true] {
            let marker = AgentScripts.newMarker()
            let channel = try hosts.openChannel(
                command: startCommand(agent, arguments: arguments, marker: marker), stallSeconds: sessionStallSeconds)
            if try isFound(report(on: channel, marker, hosts), agent, hosts) { return channel }
            channel.close()
            if !isRetry { try upload(agent, to: hosts) }
        }
        throw failed(hosts, "it is not there after its upload", "")
    }

    /// Makes sure that the agent is on the far host and returns its absolute path there; starts nothing. Blocks.
    ///
    /// - Throws: as `start`.
    package static func ensure(_ agent: AgentBinary, on hosts: HostConnections) throws(HeadwaterError) -> String {
        for isRetry in [false, true] {
            let marker = AgentScripts.newMarker()
            let command = ShellCommand.posix(AgentScripts.start(agent, marker, becomes: false))
            let channel = try hosts.openChannel(command: command)
            defer { channel.close() }
            let report = try report(on: channel, marker, hosts)
            if try isFound(report, agent, hosts) { return report.rest }
            if !isRetry { try upload(agent, to: hosts) }
        }
        throw failed(hosts, "it is not there after its upload", "")
    }

    /// The same for a binary that was not digested yet.
    package static func ensure(on hosts: HostConnections, agentBinary: String, version: String) throws(HeadwaterError)
        -> String
    {
        try ensure(AgentBinary(path: agentBinary, version: version), on: hosts)
    }

    /// One shell command that becomes the agent, if one with the right digest is there, after the line `MARKER ok PATH`; otherwise it
    /// prints `MARKER missing SYSTEM MACHINE` and ends.
    package static func startCommand(_ agent: AgentBinary, arguments: [String], marker: String) -> String {
        ShellCommand.posix(AgentScripts.start(agent, marker, becomes: true), arguments)
    }

    private static func isFound(_ report: Report, _ agent: AgentBinary, _ hosts: HostConnections)
        throws(HeadwaterError) -> Bool
    {
        if report.word == "ok" { return true }
        if report.rest == "Linux \(agent.architecture)" { return false }
        throw HeadwaterError(
            "agent.architecture",
            "\(hosts.settings.alias) is \(Printable.text(report.rest)), the agent is built for Linux \(agent.architecture)",
            remedy: "build headwater on a machine like \(hosts.settings.alias) and run it from there")
    }

    private static func upload(_ agent: AgentBinary, to hosts: HostConnections) throws(HeadwaterError) {
        let marker = AgentScripts.newMarker()
        let channel = try hosts.openChannel(
            command: ShellCommand.posix(AgentScripts.store(agent, marker)), stallSeconds: stallSeconds)
        defer { channel.close() }
        do {
            try send(agent, on: channel)
        } catch let error as HeadwaterError {
            // The far script ended early: its report says why.
            if error.code != "ssh.channel-closed" { throw error }
        } catch {
            throw failed(hosts, "reading \(agent.path) here", "\(error)")
        }
        let report = try report(on: channel, marker, hosts)
        if report.word != "done" { throw storeFailure(report.rest, hosts) }
    }

    private static func send(_ agent: AgentBinary, on channel: Channel) throws {
        let file = try Descriptor(at: Descriptor.workingDirectory, agent.path, O_RDONLY)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 * 1024, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = try readFully(file.raw, into: buffer)
            if count == 0 { break }
            try channel.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
        channel.closeWrite()
    }

    /// Reads up to and with the line of the marker, and not a byte more: what follows is the agent's.
    private static func report(on channel: Channel, _ marker: String, _ hosts: HostConnections) throws(HeadwaterError)
        -> Report
    {
        var line: [UInt8] = []
        for _ in 0..<noiseBytesMax {
            var byte: UInt8 = 0
            let got = try withUnsafeMutableBytes(of: &byte) { (buffer) throws(HeadwaterError) in
                try channel.read(into: buffer)
            }
            if got == 0 { break }
            if byte != 10 {
                line.append(byte)
                continue
            }
            let words = String(decoding: line, as: UTF8.self).split(separator: " ", maxSplits: 2)
            if words.count > 1, words[0] == marker {
                return Report(word: String(words[1]), rest: words.count > 2 ? String(words[2]) : "")
            }
            line = []
        }
        let tail = Printable.text(channel.stderrTail)
        channel.close()
        throw HeadwaterError(
            "agent.shell", "the login shell of \(hosts.settings.user)@\(hosts.settings.alias) did not run /bin/sh",
            remedy:
                "check that `ssh \(hosts.settings.alias) /bin/sh -c true` works and that no start file ends the shell",
            cause: tail.isEmpty ? nil : tail)
    }
}

extension AgentDeployment {
    /// Names what went wrong from the step and the far system's words (in the C locale).
    private static func storeFailure(_ report: String, _ hosts: HostConnections) -> HeadwaterError {
        let words = report.split(separator: " ", maxSplits: 1).map(String.init)
        let (step, cause) = (words.first ?? "", words.count > 1 ? words[1] : "")
        let host = hosts.settings.alias
        switch step {
        case "exec" where cause.hasPrefix("126"):
            return HeadwaterError(
                "agent.noexec", "the cache directory of \(host) is on a file system mounted noexec",
                remedy:
                    "set XDG_CACHE_HOME on \(host) to a directory where programs may run, or put headwater-agent on PATH",
                cause: cause)
        case "exec":
            return HeadwaterError(
                "agent.cannot-run", "the agent does not run on \(host): a library or the loader is missing",
                remedy: "use a host with glibc 2.34 or newer", cause: cause)
        case "tool":
            return HeadwaterError(
                "agent.digest-tool", "\(host) has no sha256sum, shasum or openssl to check the agent with",
                remedy: "install coreutils on \(host)")
        case _ where cause.contains("No space left") || cause.contains("quota exceeded"):
            return HeadwaterError(
                "agent.no-space", "there is no space for the agent in the cache directory of \(host)",
                remedy: "free 32 MB there, or set XDG_CACHE_HOME on \(host)", cause: cause)
        case _
        where cause.contains("Read-only") || cause.contains("ermission denied") || cause.contains("not permitted"):
            return HeadwaterError(
                "agent.read-only", "the cache directory of \(host) cannot be written",
                remedy: "make ~/.cache writable on \(host), set XDG_CACHE_HOME, or put headwater-agent on PATH",
                cause: cause)
        default: return failed(hosts, step, cause)
        }
    }

    private static func failed(_ hosts: HostConnections, _ what: String, _ cause: String) -> HeadwaterError {
        HeadwaterError(
            "agent.upload", "the agent could not be brought to \(hosts.settings.alias): \(what)",
            remedy: "run again; check the disk of \(hosts.settings.alias)", isTransient: true,
            cause: cause.isEmpty ? nil : cause)
    }
}
