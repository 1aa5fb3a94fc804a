import Core
import Platform

/// What all connections of one run share: the passphrases that were typed, the hosts that are jumped through, and who is told what.
package final class SSHRun: Sendable {
    /// Asks a person for the passphrase of the private key at `path`; nil when nobody answers. Blocks. Called by one thread at a time.
    package typealias Ask = @Sendable (_ path: String, _ wasWrong: Bool) -> [UInt8]?

    private struct Jumps: Sendable {
        var hosts: [SSHSettings: HostConnections] = [:]
        var isStopped = false
    }

    /// Notes of one run that are remembered so that each is said once.
    private static let notesMax = 4096

    let passphrases: Passphrases
    private let tellNote: @Sendable (String) -> Void
    private let tellWarning: @Sendable (HeadwaterError) -> Void
    private let notes = Monitor<Set<String>>([])
    private let jumps = Monitor(Jumps())

    /// - Parameters:
    ///   - ask: nil where no person can be asked.
    ///   - note: gets what a person who looks for a cause wants to read, each text once.
    ///   - warn: gets what a person should know although nothing failed.
    package init(
        ask: Ask? = nil, note: @escaping @Sendable (String) -> Void = { _ in },
        warn: @escaping @Sendable (HeadwaterError) -> Void = { _ in }
    ) {
        passphrases = Passphrases(ask)
        tellNote = note
        tellWarning = warn
    }

    /// Asks nobody and connects to no jump host from now on; what stands is left to end by itself. Does not wait.
    package func stopStarting() {
        passphrases.close()
        let open = jumps.update { jumps in
            jumps.isStopped = true
            return Array(jumps.hosts.values)
        }
        for jump in open { jump.stopStarting() }
    }

    /// Ends the connections to jump hosts, and asks nobody any more. Does not wait.
    package func close() {
        stopStarting()
        let open = jumps.update { jumps in
            defer { jumps.hosts = [:] }
            return Array(jumps.hosts.values)
        }
        for jump in open { jump.close() }
    }

    func note(_ text: String) {
        let isNew = notes.read { $0.count < SSHRun.notesMax && $0.insert(text).inserted }
        if isNew { tellNote(text) }
    }

    func warn(_ error: HeadwaterError) { tellWarning(error) }

    /// The connections to a host that others lie behind: the same for all of them.
    func jump(_ settings: SSHSettings) -> HostConnections {
        jumps.update { jumps in
            if let known = jumps.hosts[settings] { return known }
            let new = HostConnections(settings, in: self)
            if jumps.isStopped { new.stopStarting() }
            jumps.hosts[settings] = new
            return new
        }
    }
}
