import Foundation
import Platform

/// A network of machines in miniature: each peer in a mount, network and process namespace of its own, with disks, a
/// user and an SSH server of its own, and so is the hub from which they are reached.
///
/// The hub is a process whose end, by `deinit` or by the end of the test process, ends everything in it: processes, links and
/// mounts go with their namespaces. Needs root; `whyNot` says what is missing.
package final class NamespaceLab: Sendable {
    /// One machine beside the hub.
    package struct Machine: Sendable {
        /// Bytes of the file system that holds the tree, as `mount -o size=` takes them.
        package var disk = "64m"
        /// More mount options of the user's home.
        package var home = ""
        /// `tmpfs`, or the kind of a file system on a disk image.
        package var fileSystem = "tmpfs"
        package init(disk: String = "64m", home: String = "", fileSystem: String = "tmpfs") {
            (self.disk, self.home, self.fileSystem) = (disk, home, fileSystem)
        }
    }

    package struct Failed: Error, CustomStringConvertible {
        package var description: String
    }

    package let directory: TemporaryDirectory
    private let count: Int
    private let outer: Int32
    private let lifeline: Int32
    /// The first user of the lab is the hub's, the others are the machines'.
    private static let firstUser = 64_930

    /// Nil when a lab can be made here.
    package static let whyNot: String? = {
        if geteuid() != 0 { return "needs root" }
        let tried = try? ChildProcess.run([
            "unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "setpriv", "--reuid=\(firstUser)",
            "--clear-groups", "ip", "link", "show", "lo",
        ])
        return tried?.exit == 0 ? nil : "no namespaces, or ip or setpriv is missing"
    }()

    /// Nil when the disks of machines can have file systems of this kind.
    package static func whyNot(fileSystem kind: String) -> String? {
        if let whyNot { return whyNot }
        let tried = try? ChildProcess.run([
            "unshare", "--mount", "sh", "-euc",
            """
            image=$(mktemp) point=$(mktemp -d)
            trap 'umount "$point" 2>/dev/null; rm -f "$image"; rmdir "$point"' EXIT
            truncate -s 400m "$image"
            mkfs.\(kind) -q "$image"
            mount -o loop "$image" "$point"
            """,
        ])
        return tried?.exit == 0 ? nil : "no mkfs.\(kind), or no loop devices"
    }

    /// Blocks until every server listens.
    ///
    /// - Parameter edges: in YAML; by default one push edge from `build` to each machine.
    package init(_ machines: [Machine], edges: String? = nil) throws {
        directory = TemporaryDirectory("lab")
        count = machines.count
        chmod(directory.path, 0o755)
        try NamespaceLab.files(directory, machines, edges)
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw Failed(description: "pipe") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        lifeline = ends[1]
        outer = try SSHServer.spawn(
            NamespaceLab.enter + ["sh", "-eu", directory("hub.sh"), directory.path, "\(count)"], input: ends[0],
            output: directory("hub.log"))
        close(ends[0])
        let log = { (name: String) in (try? String(contentsOfFile: self.directory(name), encoding: .utf8)) ?? "" }
        for index in 0..<count {
            while !log("machine\(index).log").contains("Server listening") {
                var status: Int32 = 0
                guard waitpid(outer, &status, WNOHANG) == 0 else {
                    throw Failed(description: log("hub.log") + log("machine\(index).log"))
                }
                poll(nil, 0, 5)
            }
        }
    }

    deinit {
        close(lifeline)
        kill(outer, SIGKILL)
        var status: Int32 = 0
        waitpid(outer, &status, 0)
    }

    /// The tree of the hub's user, and of a machine's, as they are called in there.
    package var source: String { directory("hub/build") }
    package func target(_ index: Int) -> String { directory("machine\(index)/tree") }
    package func user(_ index: Int) -> UInt32 { UInt32(NamespaceLab.firstUser + 1 + index) }
    package func home(_ index: Int) -> String { directory("home\(index)") }

    /// A path of the hub or a machine as seen from outside.
    package func seenOnHub(_ path: String) -> String { "/proc/\(inner)/root" + path }
    package func seen(_ index: Int, _ path: String) -> String { "/proc/\(machine(index))/root" + path }

    /// The SSH server of a machine, the first process of its namespace, as numbered outside.
    package func machine(_ index: Int) -> Int32 {
        let text = (try? String(contentsOfFile: directory("machine\(index).pid"), encoding: .utf8)) ?? ""
        let unshare = text.split(whereSeparator: \.isWhitespace).first.flatMap { Int32($0) } ?? 0
        return NamespaceLab.child(NamespaceLab.outside(unshare, of: inner))
    }

    /// Takes the disk image of a machine away and brings it back, as another device where the file system is on one of its own.
    package func bringBackTheDisk(of index: Int) async throws {
        let script = """
            disk=$1 tree=$2 before=$(stat -c %d "$2")
            mkdir "$disk/spare"
            truncate -s 8m "$disk/spare.image"
            mkfs.ext4 -q "$disk/spare.image"
            umount "$tree"
            mount -o loop "$disk/spare.image" "$disk/spare"
            mount -o loop "$disk/image" "$tree"
            echo "$before $(stat -c %d "$tree")"
            """
        let outcome = try await run(
            on: index, ["sh", "-euc", script, "sh", directory("disk\(index)"), directory("machine\(index)")])
        guard outcome.exit == 0 else { throw Failed(description: outcome.stderr) }
    }

    /// What runs over a machine's SSH server at this moment, as numbered outside.
    package func sessions(_ index: Int) -> [Int32] { SSHServer.descendants(of: machine(index)) }

    /// Starts a program as root in the hub.
    package func startOnHub(_ arguments: [String]) throws -> RunningProcess {
        try RunningProcess(nsenter(inner) + arguments, environment: ["PATH": Headwater.systemPath])
    }

    /// Makes the hub's user the owner of everything below `path`, as it is called in there.
    package func give(_ path: String) async throws {
        let user = NamespaceLab.firstUser
        let outcome = try await startOnHub(["chown", "-hR", "\(user):\(user)", path]).outcome()
        guard outcome.exit == 0 else { throw Failed(description: outcome.stderr) }
    }

    /// Runs a program as root on a machine.
    package func run(on index: Int, _ arguments: [String]) async throws -> RunningProcess.Outcome {
        try await RunningProcess(nsenter(machine(index)) + arguments, environment: ["PATH": Headwater.systemPath])
            .outcome()
    }

    /// Starts `headwater run --json` as the hub's user.
    package func startRun() throws -> RunningProcess {
        let user = NamespaceLab.firstUser
        return try RunningProcess(
            nsenter(inner) + [
                "/usr/bin/setpriv", "--reuid=\(user)", "--regid=\(user)", "--clear-groups", "--no-new-privs",
                directory("bin/headwater"), "run", "--json", directory("lab.yaml"),
            ],
            environment: [
                "PATH": Headwater.systemPath, "HOME": directory("hub/home"), "USER": "hub", "LANG": "C.UTF-8",
                "TMPDIR": directory("hub/home"), "TERM": "dumb", "XDG_STATE_HOME": directory("hub/home/state"),
                "XDG_RUNTIME_DIR": directory("hub/home"),
            ])
    }

    package func run() async throws -> (outcome: RunningProcess.Outcome, report: RunReport) {
        let outcome = try await startRun().outcome()
        do {
            return (outcome, try RunReport(outcome.stdout))
        } catch { throw RunReport.Malformed(description: "\(error); exit \(outcome.exit); stderr: \(outcome.stderr)") }
    }

    /// What differs between the hub's tree and that of a machine.
    package func differences(_ index: Int) async throws -> [String] {
        let (source, target) = (seenOnHub(source), seen(index, target(index)))
        return try await offPoolThrowing { try TreeListing(source).differences(from: TreeListing(target)) }
    }

    /// The first process of the hub.
    private var inner: Int32 { NamespaceLab.child(outer) }

    private static let enter = [
        "unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "--propagation", "private",
    ]

    private func nsenter(_ process: Int32) -> [String] {
        ["/usr/bin/nsenter", "--target", "\(process)", "--net", "--mount", "--pid"]
    }

    private static func child(_ process: Int32) -> Int32 {
        let text = try? String(contentsOfFile: "/proc/\(process)/task/\(process)/children", encoding: .utf8)
        return text?.split(separator: " ").first.flatMap { Int32($0) } ?? 0
    }

    /// The process that the namespace of `parent` calls `number`.
    private static func outside(_ number: Int32, of parent: Int32) -> Int32 {
        let text = try? String(contentsOfFile: "/proc/\(parent)/task/\(parent)/children", encoding: .utf8)
        let children = text?.split(separator: " ").compactMap { Int32($0) } ?? []
        return children.first { child in
            let status = try? String(contentsOfFile: "/proc/\(child)/status", encoding: .utf8)
            let line = status?.split(separator: "\n").first { $0.hasPrefix("NSpid:") }
            return line?.split(separator: "\t").last.flatMap { Int32($0) } == number
        } ?? 0
    }
}

extension NamespaceLab {
    /// Keys, configurations, users and scripts of the lab.
    private static func files(_ directory: TemporaryDirectory, _ machines: [Machine], _ edges: String?) throws {
        for name in ["bin", "hub"] { mkdir(directory(name), 0o755) }
        for name in ["headwater", "headwater-agent"] {
            let binary = try Headwater.binaries() + "/" + name
            // By a process of its own: a file that this one had open for writing while another test forked could not be run.
            let copied = try ChildProcess.run(["install", "-m", "755", binary, directory("bin/\(name)")])
            guard copied.exit == 0 else { throw Failed(description: String(decoding: copied.errors, as: UTF8.self)) }
        }
        try SSHServer.generateKey("ed25519", directory("user_key"))
        chown(directory("user_key"), UInt32(firstUser), UInt32(firstUser))
        try SSHServer.write(text(directory("user_key.pub")), directory("authorized_keys"), mode: 0o644)
        var users = text("/etc/passwd") + "hub:*:\(firstUser):\(firstUser)::\(directory("hub/home")):/bin/sh\n"
        var known = ""
        var peers = "  build: \(directory("hub/build"))\n"
        for (index, machine) in machines.enumerated() {
            try SSHServer.generateKey("ed25519", directory("host\(index)"))
            let user = firstUser + 1 + index
            users += "peer\(index):*:\(user):\(user)::\(directory("home\(index)")):/bin/sh\n"
            known += "10.77.\(index).2 \(text(directory("host\(index).pub")))"
            try SSHServer.write(config(directory, index), directory("sshd\(index)"))
            for name in ["machine\(index)", "home\(index)"] { mkdir(directory(name), 0o755) }
            try SSHServer.write(
                "user=\(user) disk=\(machine.disk) kind=\(machine.fileSystem) home=mode=700,uid=\(user),gid=\(user),size=64m\n"
                    + "more='\(machine.home)'\n", directory("machine\(index).settings"))
            peers += "  t\(index): {host: 10.77.\(index).2, user: peer\(index), identity: \(directory("user_key")), "
            peers += "known_hosts: \(directory("known_hosts")), path: \(directory("machine\(index)/tree"))}\n"
        }
        try SSHServer.write(users, directory("passwd"), mode: 0o644)
        try SSHServer.write(known, directory("known_hosts"), mode: 0o644)
        let edges = edges ?? machines.indices.map { "  - build -> t\($0)\n" }.joined()
        try SSHServer.write(
            "headwater: 1\nname: lab\npeers:\n\(peers)edges:\n\(edges)", directory("lab.yaml"), mode: 0o644)
        try SSHServer.write(hubScript, directory("hub.sh"))
        try SSHServer.write(machineScript, directory("machine.sh"))
    }

    private static func config(_ directory: TemporaryDirectory, _ index: Int) -> String {
        """
        HostKey \(directory("host\(index)"))
        Port 22
        ListenAddress 10.77.\(index).2
        AuthorizedKeysFile \(directory("authorized_keys"))
        AllowUsers peer\(index)
        StrictModes no
        UsePAM no
        PidFile none
        PasswordAuthentication no
        KbdInteractiveAuthentication no
        PrintMotd no

        """
    }

    /// Arguments: the lab's directory, how many machines. Ends, and everything with it, when its input ends.
    private static let hubScript = """
        lab=$1
        ip link set lo up
        mount --bind "$lab/passwd" /etc/passwd
        mount -t tmpfs -o mode=755,size=1g hub "$lab/hub"
        mkdir "$lab/hub/build" "$lab/hub/home"
        chown \(firstUser):\(firstUser) "$lab/hub/build" "$lab/hub/home"
        chmod 700 "$lab/hub/home"
        index=0
        while [ $index -lt "$2" ]; do
            mkfifo "$lab/ready$index" "$lab/go$index"
            \(enter.joined(separator: " ")) \\
                sh -eu "$lab/machine.sh" "$lab" $index >"$lab/machine$index.log" 2>&1 </dev/null &
            echo $! >"$lab/machine$index.pid"
            read -r _ <"$lab/ready$index"
            ip link add veth$index type veth peer name eth0 netns $!
            ip addr add 10.77.$index.1/24 dev veth$index
            ip link set veth$index up
            echo >"$lab/go$index"
            index=$((index + 1))
        done
        read -r _

        """

    /// Arguments: the lab's directory, the number of the machine. Becomes its SSH server.
    private static let machineScript = """
        lab=$1 index=$2
        . "$lab/machine$index.settings"
        mkdir -p /run/sshd
        if [ $kind = tmpfs ]; then
            mount -t tmpfs -o mode=755,uid=$user,gid=$user,size=$disk disk "$lab/machine$index"
        else
            mkdir "$lab/disk$index"
            mount -t tmpfs -o mode=700,size=$disk images "$lab/disk$index"
            truncate -s $disk "$lab/disk$index/image"
            case $kind in ext4) blocks='-b 4096' ;; *) blocks= ;; esac
            mkfs.$kind -q $blocks "$lab/disk$index/image"
            mount -o loop "$lab/disk$index/image" "$lab/machine$index"
            chown $user:$user "$lab/machine$index"
        fi
        mount -t tmpfs -o "$home" home "$lab/home$index"
        if [ -n "$more" ]; then mount -o "remount,$more" "$lab/home$index"; fi
        echo >"$lab/ready$index"
        read -r _ <"$lab/go$index"
        ip link set lo up
        ip addr add 10.77.$index.2/24 dev eth0
        ip link set eth0 up
        exec /usr/sbin/sshd -D -e -f "$lab/sshd$index"

        """

    private static func text(_ path: String) -> String {
        (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    }
}
