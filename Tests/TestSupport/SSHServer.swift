import Glibc
import Platform

/// A real `sshd` on 127.0.0.1 with keys, a home and a port of its own; nothing of the machine's own server or the user's is touched.
///
/// Ended with everything it started by `stop()` or when the last reference goes; also when the test process dies.
package final class SSHServer: Sendable {
    package struct Options: Sendable {
        /// `ed25519`, `ecdsa` or `rsa`, in the server's order.
        package var hostKeyTypes = ["ed25519"]
        /// The type of the one key that may log in.
        package var userKeyType = "ed25519"
        /// More lines of `sshd_config`, before the others: the first value of a keyword wins.
        package var config: [String] = []
        /// XDG_CACHE_HOME of what runs over this server, where agents are kept; `.cache` of its home without.
        package var cache: String?

        package init(hostKeyTypes: [String] = ["ed25519"], userKeyType: String = "ed25519", config: [String] = []) {
            self.hostKeyTypes = hostKeyTypes
            self.userKeyType = userKeyType
            self.config = config
        }
    }

    package let port: Int
    package let user: String
    private let directory: TemporaryDirectory
    private let listener: Int32
    private let watchdog: Int32
    private let watchdogPipe: Int32
    private let hostKeyTypes: [String]
    private let isStopped = Monitor(false)
    private let afterwards = Monitor<QuietPort?>(nil)

    /// HOME of what runs over this server; an empty directory at first.
    package var home: String { directory("home") }
    package var userKeyPath: String { directory("user_key") }
    /// Holds the host keys as `[127.0.0.1]:port`.
    package var knownHostsPath: String { directory("known_hosts") }
    /// `SHA256:…` of the first host key.
    package var hostKeyFingerprint: String { fingerprint(hostKeyTypes[0]) }
    /// What the server wrote so far, lines ended by LF alone.
    package var log: String {
        String(decoding: text(directory("log")).utf8.filter { $0 != 13 }, as: UTF8.self)
    }
    /// The process that listens.
    package var pid: Int32 { listener }

    /// Blocks until the server accepts connections. Throws when it cannot start; its log is in the error.
    package init(_ options: Options = Options()) throws {
        directory = TemporaryDirectory("sshd")
        hostKeyTypes = options.hostKeyTypes
        user = String(cString: getpwuid(geteuid()).pointee.pw_name)
        if geteuid() == 0 { mkdir("/run/sshd", 0o755) }
        mkdir(directory("home"), 0o700)
        for type in options.hostKeyTypes { try SSHServer.generateKey(type, directory("host_\(type)")) }
        try SSHServer.generateKey(options.userKeyType, directory("user_key"))
        try SSHServer.write(SSHServer.text(directory("user_key.pub")), directory("authorized_keys"))

        var started: (port: Int, pid: Int32)?
        for _ in 0..<8 where started == nil {
            let port = SSHServer.freePort()
            try SSHServer.write(SSHServer.config(options, directory, port), directory("config"))
            let arguments = ["/usr/sbin/sshd", "-D", "-e", "-f", directory("config")]
            let pid = try SSHServer.spawn(arguments, input: nil, output: directory("log"))
            if SSHServer.waitUntilAccepting(port, pid) { started = (port, pid) }
        }
        guard let started else { throw SSHServerError(log: SSHServer.text(directory("log"))) }
        (port, listener) = started
        var lines = ""
        for type in options.hostKeyTypes {
            lines += "[127.0.0.1]:\(started.port) " + SSHServer.publicKey(directory("host_\(type).pub")) + "\n"
        }
        try SSHServer.write(lines, directory("known_hosts"))
        var ends: [Int32] = [0, 0]
        pipe(&ends)
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        watchdogPipe = ends[1]
        watchdog = try SSHServer.spawn(
            ["/bin/sh", "-c", "read _; kill -KILL \(started.pid) 2>/dev/null"], input: ends[0], output: "/dev/null")
        close(ends[0])
    }

    deinit { stop() }

    /// The path of its `sshd_config`.
    package var configuration: String { directory("config") }

    /// `ssh-ed25519 AAAA…` of a host key, without the comment.
    package func hostKey(_ type: String = "ed25519") -> String { SSHServer.publicKey(directory("host_\(type).pub")) }

    package func fingerprint(_ type: String) -> String {
        let listed = try? ChildProcess.run(["ssh-keygen", "-lf", directory("host_\(type).pub")])
        let words = String(decoding: listed?.output ?? [], as: UTF8.self).split(separator: " ")
        return words.count > 1 ? String(words[1]) : ""
    }

    /// The processes beneath the listener at this moment: one or two per connection and what they run.
    package func descendants() -> [Int32] { SSHServer.descendants(of: listener) }

    /// Waits for a further ListenAddress: sshd takes the last one of its configuration first.
    package func waitUntilListening(on address: String) {
        let (good, bad) = ("Server listening on \(address) ", "on \(address) failed")
        while !log.contains(good), !log.contains(bad), kill(listener, 0) == 0 { poll(nil, 0, 2) }
    }

    /// Kills the server and everything it started. May be called more than once. Nobody else gets the port as long as this lives.
    package func stop() {
        if isStopped.update({ stopped in exchange(&stopped, true) }) { return }
        kill(listener, SIGSTOP)
        for pid in descendants() { kill(pid, SIGKILL) }
        kill(listener, SIGTERM)
        kill(listener, SIGKILL)
        var status: Int32 = 0
        waitpid(listener, &status, 0)
        // At once: looking for what is left takes long enough for another server to get the port.
        afterwards.update { $0 = QuietPort(port) }
        for pid in SSHServer.strays(port) { kill(pid, SIGKILL) }
        close(watchdogPipe)
        kill(watchdog, SIGKILL)
        waitpid(watchdog, &status, 0)
        // Something that was left held it.
        afterwards.update { quiet in if quiet?.number != port { quiet = QuietPort(port) } }
    }

    private func text(_ path: String) -> String { SSHServer.text(path) }
}

/// A server that did not come up.
package struct SSHServerError: Error, CustomStringConvertible {
    let log: String
    package var description: String { "sshd did not start:\n" + log }
}

private func exchange(_ value: inout Bool, _ new: Bool) -> Bool {
    let old = value
    value = new
    return old
}

extension SSHServer {
    /// Makes an unencrypted key pair at `path` and `path.pub`.
    package static func generateKey(_ type: String, _ path: String, passphrase: String = "") throws {
        let made = try ChildProcess.run([
            "ssh-keygen", "-q", "-t", type, "-N", passphrase, "-C", "headwater-test", "-f", path,
        ])
        guard made.exit == 0 else { throw SSHServerError(log: String(decoding: made.errors, as: UTF8.self)) }
    }

    package static func write(_ content: String, _ path: String, mode: UInt32 = 0o600) throws {
        let file = try Descriptor(at: Descriptor.workingDirectory, path, O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
        try writeFully(file.raw, Array(content.utf8))
    }

    fileprivate static func text(_ path: String) -> String {
        String(decoding: (try? readFile(path, bytesMax: 1 << 24)) ?? [], as: UTF8.self)
    }

    fileprivate static func publicKey(_ path: String) -> String {
        text(path).split(whereSeparator: \.isWhitespace).prefix(2).joined(separator: " ")
    }

    fileprivate static func config(_ options: Options, _ directory: TemporaryDirectory, _ port: Int) -> String {
        var lines = options.config
        lines += options.hostKeyTypes.map { "HostKey " + directory("host_\($0)") }
        lines += [
            "Port \(port)", "ListenAddress 127.0.0.1", "AuthorizedKeysFile " + directory("authorized_keys"),
            "StrictModes no", "UsePAM no", "PidFile none", "PermitRootLogin yes", "PasswordAuthentication no",
            "KbdInteractiveAuthentication no", "LogLevel VERBOSE", "PrintMotd no",
            "SetEnv HOME=" + directory("home") + (options.cache.map { " XDG_CACHE_HOME=" + $0 } ?? ""),
        ]
        // Of this keyword the last value wins.
        if !options.config.contains(where: { $0.hasPrefix("MaxStartups") }) { lines.append("MaxStartups 100") }
        return lines.joined(separator: "\n") + "\n"
    }

    /// A port that was free a moment ago.
    package static func freePort() -> Int {
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(fd) }
        var address = loopbackAddress(0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                _ = bind(fd, pointer, size)
                _ = getsockname(fd, pointer, &size)
            }
        }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    /// False when the server ended instead (the port was taken in between).
    fileprivate static func waitUntilAccepting(_ port: Int, _ pid: Int32) -> Bool {
        var status: Int32 = 0
        while waitpid(pid, &status, WNOHANG) == 0 {
            let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(fd) }
            var address = loopbackAddress(port)
            let connected = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            if connected == 0 { return true }
            poll(nil, 0, 5)
        }
        return false
    }

    /// Starts a program without a shell; `output` is appended to and holds its errors too.
    package static func spawn(_ arguments: [String], input: Int32?, output: String) throws(SystemError) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let input {
            posix_spawn_file_actions_adddup2(&actions, input, 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        let copies = arguments.map { strdup($0) }
        defer { copies.forEach { free($0) } }
        var pid: Int32 = 0
        let failed = posix_spawnp(&pid, arguments[0], &actions, nil, copies + [nil], environ)
        if failed != 0 { throw SystemError("posix_spawn", failed) }
        return pid
    }

    fileprivate static func processes() -> [Int32] {
        guard let proc = try? Descriptor(at: Descriptor.workingDirectory, "/proc", O_RDONLY | O_DIRECTORY) else {
            return []
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 8)
        defer { buffer.deallocate() }
        var found: [Int32] = []
        try? listDirectory(proc.raw, buffer: buffer) { name, _ in
            if let pid = Int32(String(cString: name)) { found.append(pid) }
        }
        return found
    }

    /// What was started over a connection to `port` and outlived it, whoever is its parent now.
    fileprivate static func strays(_ port: Int) -> [Int32] {
        processes().filter { pid in
            guard let environment = try? readFile("/proc/\(pid)/environ", bytesMax: 1 << 18) else { return false }
            return environment.split(separator: 0).contains { variable in
                variable.starts(with: "SSH_CONNECTION=127.0.0.1 ".utf8)
                    && variable.reversed().starts(with: " 127.0.0.1 \(port)".utf8.reversed())
            }
        }
    }

    static func descendants(of root: Int32) -> [Int32] {
        var children: [Int32: [Int32]] = [:]
        for pid in processes() {
            guard let stat = try? readFile("/proc/\(pid)/stat", bytesMax: 4096),
                let end = stat.lastIndex(of: UInt8(ascii: ")"))
            else { continue }
            let fields = String(decoding: stat[(end + 1)...], as: UTF8.self).split(separator: " ")
            if fields.count > 1, let parent = Int32(fields[1]) { children[parent, default: []].append(pid) }
        }
        var found: [Int32] = []
        var open = [root]
        while let next = open.popLast() {
            let below = children[next] ?? []
            found += below
            open += below
        }
        return found
    }
}
