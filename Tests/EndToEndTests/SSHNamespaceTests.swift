import Foundation
import TestSupport
import Testing

/// Ways to a host that only a network of its own shows: hosts behind hosts, names with a dead address.
@Suite("Ways through networks", .slots, .timeLimit(.minutes(20)))
struct SSHNamespaceTests {
    static let isPossible = NamespaceLab.whyNot == nil

    /// The second machine has an address that only the first one reaches.
    @Test(.enabled(if: isPossible, "needs root and namespaces"))
    func aHostBehindAnother_isReachedThroughIt() async throws {
        let lab = try NamespaceLab([.init(), .init()])
        try makeTree(lab.seenOnHub(lab.source), files: 30, bytes: 5000)
        try await lab.give(lab.source)
        let pids = try (0..<2).map { try read(lab.directory("machine\($0).pid")).filter(\.isNumber) }
        let link = "ip link add j0 netns \(pids[0]) type veth peer name j1 netns \(pids[1])"
        try await onHub(lab, link)
        for index in 0..<2 {
            let up = "ip addr add 10.99.0.\(index + 1)/24 dev j\(index) && ip link set j\(index) up"
            #expect(try await lab.run(on: index, ["sh", "-c", up]).exit == 0)
        }
        let config = try read(lab.directory("sshd1")).replacingOccurrences(of: "10.77.1.2", with: "10.99.0.2")
        try write(config, lab.directory("sshd1b"))
        #expect(try await lab.run(on: 1, ["/usr/sbin/sshd", "-f", lab.directory("sshd1b")]).exit == 0)
        try write(
            """
            headwater: 1
            name: lab
            peers:
              build: \(lab.source)
              t1: {host: inner, path: \(lab.target(1))}
            edges:
              - build -> t1

            """, lab.directory("lab.yaml"))
        let keys = try (0..<2).map { try read(lab.directory("host\($0).pub")) }
        try write("outer \(keys[0])10.99.0.2 \(keys[1])", lab.directory("known_hosts"))
        let common =
            "  IdentityFile \(lab.directory("user_key"))\n  UserKnownHostsFile \(lab.directory("known_hosts"))\n"
        let inner = "Host inner\n  HostName 10.99.0.2\n  User peer1\n  ConnectTimeout 2\n"
        let outer = "Host outer\n  HostName 10.77.0.2\n  User peer0\n  HostKeyAlias outer\n"

        try await configure(lab, inner + outer + "Host *\n" + common)
        let direct = try await lab.run()
        #expect(direct.outcome.exit == 7, "\(direct.outcome.stderr)")

        try await configure(lab, inner + "  ProxyJump outer\n" + outer + "Host *\n" + common)
        let jumped = try await lab.run()
        #expect(jumped.outcome.exit == 0, "\(jumped.outcome.stderr)")
        #expect(try await lab.differences(1) == [])

        // The way is named where it ends.
        try await onHub(lab, "ip link set veth0 down")
        let cut = try await lab.run()
        #expect(cut.outcome.exit == 7)
        #expect(cut.outcome.stderr.contains("on the way to inner, at the jump host outer: "), "\(cut.outcome.stderr)")
    }

    /// The first address of the name swallows what is sent to it; within one ConnectTimeout the second one counts.
    @Test(.enabled(if: isPossible, "needs root and namespaces"))
    func aNameWithADeadAddress_isReachedAtTheOther() async throws {
        let lab = try NamespaceLab([.init()])
        try makeTree(lab.seenOnHub(lab.source), files: 10)
        try await lab.give(lab.source)
        let dead = "2001:db8:77::dead"
        try await onHub(
            lab,
            """
            printf '%s two\\n' \(dead) 10.77.0.2 >\(lab.directory("hub/hosts"))
            mount --bind \(lab.directory("hub/hosts")) /etc/hosts
            ip -6 addr add 2001:db8:77::1/64 dev veth0 nodad
            ip -6 neigh add \(dead) lladdr 02:00:00:00:de:ad dev veth0 nud permanent
            """)
        let topology = try read(lab.directory("lab.yaml")).replacingOccurrences(
            of: "host: 10.77.0.2", with: "host: two")
        try write(topology, lab.directory("lab.yaml"))
        try write("two \(try read(lab.directory("host0.pub")))", lab.directory("known_hosts"))
        try await configure(lab, "Host *\n  ConnectTimeout 3\n")
        let first = try await lab.startOnHub(["getent", "ahosts", "two"]).outcome().stdout
        #expect(first.hasPrefix(dead), "\(first)")

        let (outcome, _) = try await lab.run()

        #expect(outcome.exit == 0, "\(outcome.stderr)")
        #expect(try await lab.differences(0) == [])
    }

    /// One machine under an address of IPv4 and one of IPv6: either leads there, and the loop that they hide is refused before a byte moves.
    @Test(.enabled(if: isPossible, "needs root and namespaces"))
    func twoAddressesOfOneMachine_leadThere_andHideNoLoop() async throws {
        let lab = try NamespaceLab([.init()])
        try makeTree(lab.seenOnHub(lab.source), files: 10)
        try await lab.give(lab.source)
        try await onHub(lab, "ip -6 addr add fd77::1/64 dev veth0 nodad")
        let config = try read(lab.directory("sshd0")).replacingOccurrences(of: "10.77.0.2", with: "fd77::2")
        try write(config, lab.directory("sshd0b"))
        let further = "ip -6 addr add fd77::2/64 dev eth0 nodad && exec /usr/sbin/sshd -f \(lab.directory("sshd0b"))"
        #expect(try await lab.run(on: 0, ["sh", "-c", further]).exit == 0)
        let known = try read(lab.directory("known_hosts"))
        try write(known + "fd77::2 \(try read(lab.directory("host0.pub")))", lab.directory("known_hosts"))
        let before = try read(lab.directory("lab.yaml"))
        let peer = try #require(before.split(separator: "\n").first { $0.hasPrefix("  t0:") })
        let alias = peer.replacing("  t0:", with: "  alias:").replacing("10.77.0.2", with: "\"fd77::2\"")
        let both = before.replacing(peer, with: "\(peer)\n\(alias)")

        try write(both.replacing("edges:\n", with: "edges:\n  - alias -> build\n"), lab.directory("lab.yaml"))
        let refused = await (try lab.startRun()).outcome()
        #expect(refused.exit == 2 && refused.stderr.contains("HW101"), "\(refused.stderr)")
        #expect(!exists(lab.seen(0, lab.target(0))))

        try write(both.replacing("build -> t0", with: "build -> alias"), lab.directory("lab.yaml"))
        let (outcome, _) = try await lab.run()
        #expect(outcome.exit == 0, "\(outcome.stderr)")
        #expect(try await lab.differences(0) == [])
    }

    /// The target ends in the middle of what it is sent; what the run says is the target's reason, not that the stream broke.
    @Test(.enabled(if: isPossible, "needs root and namespaces"))
    func theFarEndsReason_reachesTheUser_whileMuchIsUnderWay() async throws {
        let lab = try NamespaceLab([.init(disk: "8m")])
        for index in 0..<6 {
            try Data(TreeBuilder.noise(6_000_000, seed: UInt64(index))).write(
                to: URL(fileURLWithPath: lab.seenOnHub(lab.source) + "/\(index)"))
        }
        try await lab.give(lab.source)
        let (outcome, _) = try await lab.run()
        #expect(outcome.exit == 1, "\(outcome.stderr)")
        #expect(outcome.stderr.contains("error[stage.no-space]"), "\(outcome.stderr)")
        #expect(!outcome.stderr.contains("ssh.channel-closed"))
    }

    private func configure(_ lab: NamespaceLab, _ config: String) async throws {
        try write(config, lab.directory("ssh_config"))
        let home = lab.directory("hub/home/.ssh")
        let user = owner(lab)
        try await onHub(
            lab,
            """
            mkdir -p \(home)
            cp \(lab.directory("ssh_config")) \(home)/config
            chown -R \(user):\(user) \(home)
            chmod 700 \(home)
            chmod 600 \(home)/config
            """)
    }

    private func owner(_ lab: NamespaceLab) -> UInt32 {
        var status = stat()
        return lstat(lab.seenOnHub(lab.directory("hub/home")), &status) == 0 ? status.st_uid : .max
    }

    private func onHub(_ lab: NamespaceLab, _ script: String) async throws {
        let outcome = try await lab.startOnHub(["/bin/sh", "-euc", script]).outcome()
        #expect(outcome.exit == 0, "\(script): \(outcome.stderr)")
    }
}
