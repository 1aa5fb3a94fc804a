import Core

/// Where the files of a user belong: the XDG Base Directory Specification.
package struct UserDirectories: Sendable {
    private let environment: [String: String]

    package init(environment: [String: String]) { self.environment = environment }

    /// What outlives a run and is not precious enough to back up: halts, history. `$XDG_STATE_HOME`, or `~/.local/state`.
    package func state() throws(HeadwaterError) -> String { try directory("XDG_STATE_HOME", "/.local/state") }

    /// What can be made again. `$XDG_CACHE_HOME`, or `~/.cache`.
    package func cache() throws(HeadwaterError) -> String { try directory("XDG_CACHE_HOME", "/.cache") }

    /// `$XDG_CONFIG_HOME`, or `~/.config`.
    package func configuration() throws(HeadwaterError) -> String { try directory("XDG_CONFIG_HOME", "/.config") }

    /// Sockets. `$XDG_RUNTIME_DIR`; nil where the system sets none, the specification names no default.
    package var runtime: String? { absolute("XDG_RUNTIME_DIR") }

    /// - Throws: `environment.no-home` when neither the variable nor HOME says an absolute path; relative ones are not valid there.
    private func directory(_ variable: String, _ beneathHome: String) throws(HeadwaterError) -> String {
        if let path = absolute(variable) { return path }
        if let home = absolute("HOME") { return (home == "/" ? "" : home) + beneathHome }
        throw HeadwaterError(
            "environment.no-home", "neither \(variable) nor HOME is set to an absolute path",
            remedy: "set HOME or \(variable) to a directory of your own", exit: .usage)
    }

    private func absolute(_ variable: String) -> String? {
        guard var path = environment[variable], path.hasPrefix("/") else { return nil }
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        return path
    }
}
