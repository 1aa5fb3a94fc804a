import Core
import Glibc
import Platform

/// Who holds a session: the orchestrator that runs it, and, at a far end, the agent that holds the lock for it.
package struct LockOwner: Hashable, Sendable {
    /// Machine, boot and PID namespace of the orchestrator; its process there, and when that began.
    package var machine: String
    package var boot: String
    /// The PID namespace (`/proc/self/ns/pid`): a number in another one names another process.
    package var namespace: String
    package var process: Int32
    /// Clock ticks since boot.
    package var started: UInt64
    package var host: String
    /// The agent that holds the lock at this end; nil where the orchestrator does so itself.
    package var agent: Agent?

    package struct Agent: Hashable, Sendable {
        package var process: Int32
        package var started: UInt64
    }

    /// The most bytes of a lock file that are read.
    static let textBytesMax = 4096

    /// This process as an orchestrator.
    package static func current() -> LockOwner {
        LockOwner(
            machine: Host.machineID, boot: Host.bootID, namespace: namespace(), process: getpid(),
            started: Host.startTime(of: getpid()) ?? 0, host: clean(Host.name), agent: nil)
    }

    /// The same orchestrator, with this process as its agent.
    package func heldByThisAgent() -> LockOwner {
        var owner = self
        owner.agent = Agent(process: getpid(), started: Host.startTime(of: getpid()) ?? 0)
        return owner
    }

    /// Whether the orchestrator was a process of this very host and no longer lives: its agent may be told to stop. False when
    /// that cannot be known (another host, another PID namespace).
    package var isDeadProcessOfThisHost: Bool {
        guard machine == Host.machineID else { return false }
        if boot != Host.bootID { return true }
        return namespace == LockOwner.namespace() && Host.startTime(of: process) != started
    }

    /// The form of the lock file and of the wire: lines `key value`.
    package var text: String {
        var lines = [
            "headwater-lock 1", "machine \(machine)", "boot \(boot)", "namespace \(namespace)", "pid \(process)",
            "started \(started)", "host \(host)",
        ]
        if let agent { lines.append("agent \(agent.process) \(agent.started)") }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Reads `text`; nil for anything that is not exactly of that form: cut, too long, other characters, numbers out of range.
    package init?(parsing bytes: [UInt8]) {
        guard bytes.count <= LockOwner.textBytesMax, bytes.last == UInt8(ascii: "\n"),
            bytes.allSatisfy({ $0 == 10 || (0x20..<0x7F).contains($0) })
        else { return nil }
        let lines = bytes.dropLast().split(separator: 10, omittingEmptySubsequences: false)
        var fields: [String: String] = [:]
        for line in lines {
            let parts = line.split(separator: 0x20, maxSplits: 1)
            guard parts.count == 2 else { return nil }
            fields[String(decoding: parts[0], as: UTF8.self)] = String(decoding: parts[1], as: UTF8.self)
        }
        guard lines.count == fields.count, fields["headwater-lock"] == "1",
            let machine = LockOwner.word(fields["machine"]),
            let boot = LockOwner.word(fields["boot"]), let namespace = LockOwner.word(fields["namespace"]),
            let process = fields["pid"].flatMap({ Int32($0) }), process > 0,
            let started = fields["started"].flatMap({ UInt64($0) }),
            let host = LockOwner.word(fields["host"])
        else { return nil }
        (self.machine, self.boot, self.namespace, self.host) = (machine, boot, namespace, host)
        (self.process, self.started) = (process, started)
        guard let text = fields["agent"] else { return }
        let parts = text.split(separator: " ")
        guard parts.count == 2, let process = Int32(parts[0]), process > 1, let started = UInt64(parts[1]) else {
            // 0, -1 and 1 are not one process to `kill`.
            return nil
        }
        agent = Agent(process: process, started: started)
    }

    package init(
        machine: String, boot: String, namespace: String, process: Int32, started: UInt64, host: String, agent: Agent?
    ) {
        self.machine = machine
        self.boot = boot
        self.namespace = namespace
        self.process = process
        self.started = started
        self.host = host
        self.agent = agent
    }

    /// The refusal of a second run; exit 8. `atPeer`: the far end found it held.
    package static func alreadyRunning(session: String, owner: LockOwner?, atPeer: Bool = false) -> HeadwaterError {
        let who = owner.map { "pid \($0.process) on \($0.host)" } ?? "pid unknown on an unknown host"
        return HeadwaterError(
            "session.already-running",
            (atPeer ? "Failed. Peer error: " : "Failed. ") + "Session \(session) is already running (\(who))",
            remedy: "wait until it has ended, or end that process", exit: .alreadyRunning)
    }

    private static func word(_ text: String?) -> String? {
        guard let text, (1...255).contains(text.utf8.count), !text.utf8.contains(0x20) else { return nil }
        return text
    }

    private static func clean(_ name: String) -> String {
        let kept = name.utf8.filter { (0x21..<0x7F).contains($0) }.prefix(255)
        return kept.isEmpty ? "localhost" : String(decoding: kept, as: UTF8.self)
    }

    private static func namespace() -> String {
        var buffer = [CChar](repeating: 0, count: 128)
        let count = readlink("/proc/self/ns/pid", &buffer, buffer.count)
        guard count > 0 else { return "unknown" }
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
