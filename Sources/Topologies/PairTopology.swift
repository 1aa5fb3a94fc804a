import Core

/// The topology of one session between a directory here and another, as `sync` is told it: the same file that a person would write, so
/// that one path leads from there on.
package struct PairTopology: Sendable {
    /// Name of the session.
    package var session: String
    /// Absolute, or `~/…`.
    package var directory: String
    /// `[user@]host:path`, or a path here.
    package var remote: String
    package var mode: String
    package var database: String?
    package var remoteDatabase: String?
    package var identity: String?
    package var port: Int?
    package var knownHosts: String?
    package var hostKey: String?
    package var isContinuous = false
    /// Patterns, in the order in which they are tried: these first, then the file's rules, then `excludes`.
    package var includes: [String] = []
    /// Absolute.
    package var filterFile: String?
    package var excludes: [String] = []
    /// Values of the edge's keys, as they are written in a file.
    package var delete: String?
    package var keepDeleted: String?
    package var drift: String?
    package var overwrite: String?
    package var symlinks: String?
    package var isMirror = false
    /// Items; nil where nothing is said of them.
    package var preserve: [String]?

    package init(session: String, directory: String, remote: String, mode: String) {
        self.session = session
        self.directory = directory
        self.remote = remote
        self.mode = mode
    }

    /// The file, and for each of its lines the option that it comes from.
    private var lines: [(text: String, option: String)] {
        let short = ShortPeer(remote)
        let ends = mode == "pull" ? ("remote", "local") : ("local", "remote")
        var lines: [(String, String)] = [
            ("# Written by `headwater sync`, and used like any other topology file.", ""), ("headwater: 1", ""),
            ("name: sync", ""), ("peers:", ""), ("  local:", "-d"), ("    path: \(quote(directory))", "-d"),
        ]
        if let database { lines.append(("    database: \(quote(database))", "-b")) }
        // No option goes with a URL, which is refused as a whole.
        let isURL = short?.isURL ?? false
        lines.append(("  remote:" + (isURL ? " " + quote(remote) : ""), "-r"))
        if !isURL { lines += remoteLines(short) }
        lines += [
            ("edges:", ""), ("  - from: \(ends.0)", "-d and -r"), ("    to: \(ends.1)", "-d and -r"),
            ("    session: \(quote(session))", "-N"), ("    mode: \(mode)", "-K"),
        ]
        if isContinuous { lines.append(("    continuous: true", "-C")) }
        if let delete { lines.append(("    delete: \(quote(delete))", "--delete")) }
        if let keepDeleted {
            let value = keepDeleted == "true" ? keepDeleted : quote(keepDeleted)
            lines.append(("    keep_deleted: \(value)", "--keep-deleted"))
        }
        if let drift { lines.append(("    drift: \(quote(drift))", "--drift")) }
        if let overwrite { lines.append(("    overwrite: \(quote(overwrite))", "--overwrite")) }
        if let symlinks { lines.append(("    symlinks: \(quote(symlinks))", "--symlinks")) }
        if isMirror { lines.append(("    mirror: true", "--mirror")) }
        if let preserve {
            lines.append(("    preserve: [\(preserve.map(quote).joined(separator: ", "))]", "--preserve"))
        }
        return lines + filterLines
    }

    /// One line to a rule, so that a finding leads to its option.
    private var filterLines: [(String, String)] {
        var lines: [(String, String)] = []
        if !includes.isEmpty { lines.append(("    filter:", "--include")) }
        lines += includes.map { ("      - \(quote("+ " + $0))", "--include") }
        if let filterFile { lines.append(("    filter_file: \(quote(filterFile))", "--filter-file")) }
        if !excludes.isEmpty { lines.append(("    exclude:", "--exclude")) }
        return lines + excludes.map { ("      - \(quote($0))", "--exclude") }
    }

    private func remoteLines(_ short: ShortPeer?) -> [(String, String)] {
        var lines: [(String, String)] = []
        if let short { lines.append(("    host: \(quote(short.host))", "-r")) }
        if let user = short?.user { lines.append(("    user: \(quote(user))", "-r")) }
        if let port { lines.append(("    port: \(port)", "-P")) }
        if let identity { lines.append(("    identity: \(quote(identity))", "-i")) }
        if let knownHosts { lines.append(("    known_hosts: \(quote(knownHosts))", "--known-hosts")) }
        if let hostKey { lines.append(("    host_key: \(quote(hostKey))", "--host-key")) }
        lines.append(("    path: \(quote(short?.path ?? remote))", "-r"))
        if let remoteDatabase { lines.append(("    database: \(quote(remoteDatabase))", "-B")) }
        return lines
    }

    package var text: String { lines.map { $0.text + "\n" }.joined() }

    /// The option that a finding is about, as `-r`; empty where it is about none.
    package func option(of diagnostic: Diagnostic) -> String {
        if diagnostic.file == filterFile { return "--filter-file" }
        let lines = lines
        return lines.indices.contains(diagnostic.line - 1) ? lines[diagnostic.line - 1].option : ""
    }

    /// A double-quoted scalar. A control character stays one by its escape, so that the rule about them sees it.
    private func quote(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x22, 0x5C: out += "\\" + String(scalar)
            case 0..<0x20, 0x7F..<0xA0: out += "\\x" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
            case 0x2028...0x202E, 0x2066...0x2069, 0xFEFF, 0xFFFE, 0xFFFF:
                out += "\\u" + String(scalar.value, radix: 16)
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}
