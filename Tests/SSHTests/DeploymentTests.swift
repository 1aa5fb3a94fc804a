import Core
import Glibc
import Platform
import TestSupport
import Testing

@testable import SSH

/// `/bin/cat` plays the agent: it takes `--version`, and gives back what it is sent.
@Suite struct DeploymentTests {
    private func agent() throws -> AgentBinary { try AgentBinary(path: "/bin/cat", version: "1.2.3") }

    /// Starts the agent and sees it answer; ends it.
    private func start(_ hosts: HostConnections) throws {
        let channel = try AgentDeployment.start(try agent(), arguments: ["-"], on: hosts)
        defer { channel.close() }
        try channel.write(Array("hello".utf8))
        #expect(try channel.readExactly(5) == Array("hello".utf8))
    }

    @Test func aFreshHostGetsTheAgentPrivateAndWhole() throws {
        let server = try SSHServer()
        let hosts = HostConnections(server.settings())
        defer { hosts.close() }
        let agent = try agent()
        let path = try AgentDeployment.ensure(agent, on: hosts)
        #expect(path == "\(server.home)/.cache/headwater/1.2.3-\(agent.digest.prefix(16))/headwater-agent")
        #expect(try readFile(path, bytesMax: 1 << 24) == readFile("/bin/cat", bytesMax: 1 << 24))
        #expect(try FileStatus(at: Descriptor.workingDirectory, path).permissions == 0o700)
        let parent = String(path.dropLast("/headwater-agent".count))
        #expect(try FileStatus(at: Descriptor.workingDirectory, parent).permissions == 0o700)
        let listing = try ChildProcess.run(["ls", "-A", parent])
        #expect(listing.output == Array("headwater-agent\n".utf8))
        try start(hosts)
    }

    /// A far host whose digest programs find a wrong digest for everything from now on.
    private func breakDigestPrograms(_ server: SSHServer) throws {
        mkdir(server.home + "/bin", 0o755)
        for name in ["sha256sum", "shasum", "openssl"] {
            try SSHServer.write("#!/bin/sh\necho 00\n", server.home + "/bin/" + name, mode: 0o755)
        }
        try SSHServer.write("PATH=$HOME/bin:$PATH\n", server.home + "/.bashrc")
    }

    @Test func aStampedAgentIsStartedWithoutBeingReadAgain() throws {
        let server = try SSHServer()
        let hosts = HostConnections(server.settings())
        defer { hosts.close() }
        let path = try AgentDeployment.ensure(try agent(), on: hosts)
        try breakDigestPrograms(server)
        try start(hosts)
        // A stamp holds for the very file only: with other times it is read again.
        _ = try ChildProcess.run(["touch", path])
        #expect(code { try start(hosts) } == "agent.upload")
    }

    @Test func anUploadThatArrivesDamagedIsNotKept() throws {
        let server = try SSHServer()
        try breakDigestPrograms(server)
        let hosts = HostConnections(server.settings())
        defer { hosts.close() }
        #expect(code { try start(hosts) } == "agent.upload")
        #expect(try ChildProcess.run(["find", server.home + "/.cache", "-type", "f"]).output.isEmpty)
    }

    @Test func aDamagedAgentIsNeverStartedButReplaced() throws {
        let server = try SSHServer()
        let hosts = HostConnections(server.settings())
        defer { hosts.close() }
        let path = try AgentDeployment.ensure(try agent(), on: hosts)
        var content = try readFile(path, bytesMax: 1 << 24)
        content[content.count / 2] ^= 1
        let file = try Descriptor(at: Descriptor.workingDirectory, path, O_WRONLY)
        try writeFully(file.raw, content)
        try start(hosts)
        #expect(try readFile(path, bytesMax: 1 << 24) == readFile("/bin/cat", bytesMax: 1 << 24))
    }

    @Test func anAgentThatOthersMayWriteIsReplaced() throws {
        let server = try SSHServer()
        let hosts = HostConnections(server.settings())
        defer { hosts.close() }
        let path = try AgentDeployment.ensure(try agent(), on: hosts)
        chmod(path, 0o722)
        #expect(try AgentDeployment.ensure(try agent(), on: hosts) == path)
        #expect(try FileStatus(at: Descriptor.workingDirectory, path).permissions == 0o700)
    }

    @Test func anEqualAgentOnPathIsUsed() throws {
        let server = try SSHServer()
        mkdir(server.home + "/bin", 0o755)
        _ = try ChildProcess.run(["cp", "/bin/cat", server.home + "/bin/headwater-agent"])
        try SSHServer.write("PATH=$HOME/bin:$PATH\n", server.home + "/.bashrc")
        let hosts = HostConnections(server.settings())
        defer { hosts.close() }
        #expect(try AgentDeployment.ensure(try agent(), on: hosts) == server.home + "/bin/headwater-agent")
        #expect(access(server.home + "/.cache", F_OK) != 0)
    }

    @Test func noiseOfTheLoginShellIsSkipped() throws {
        let server = try SSHServer()
        try SSHServer.write("echo Welcome; echo -n 'no line end'; echo trouble >&2\n", server.home + "/.bashrc")
        let hosts = HostConnections(server.settings())
        defer { hosts.close() }
        try start(hosts)
        try start(hosts)
    }

    @Test func aLoginShellThatRunsNothingIsNamed() throws {
        let server = try SSHServer(.init(config: ["ForceCommand echo This account is not available; exit 1"]))
        let hosts = HostConnections(server.settings())
        defer { hosts.close() }
        #expect(code { try start(hosts) } == "agent.shell")
    }

    @Test func anotherArchitectureIsNamedAndNothingStored() throws {
        let server = try SSHServer()
        let directory = TemporaryDirectory()
        var content = try readFile("/bin/cat", bytesMax: 1 << 24)
        content[18] = 0xF3
        let file = try Descriptor(at: Descriptor.workingDirectory, directory("agent"), O_WRONLY | O_CREAT, mode: 0o700)
        try writeFully(file.raw, content)
        let hosts = HostConnections(server.settings())
        defer { hosts.close() }
        let found = code {
            _ = try AgentDeployment.ensure(on: hosts, agentBinary: directory("agent"), version: "1")
        }
        #expect(found == "agent.architecture")
        #expect(access(server.home + "/.cache", F_OK) != 0)
    }

    @Test(
        .enabled(if: geteuid() == 0),
        arguments: [
            ("size=16k", "agent.no-space"), ("noexec", "agent.noexec"), ("ro", "agent.read-only"),
        ])
    func aCacheThatCannotHoldTheAgentIsNamed(options: String, expected: String) throws {
        let server = try SSHServer()
        let cache = server.home + "/.cache"
        mkdir(cache, 0o700)
        #expect(try ChildProcess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", cache]).exit == 0)
        defer { _ = try? ChildProcess.run(["umount", "-l", cache]) }
        let hosts = HostConnections(server.settings())
        defer { hosts.close() }
        #expect(code { try start(hosts) } == expected)
        let left = try ChildProcess.run(["find", cache, "-type", "f"])
        #expect(left.output.isEmpty)
    }

    @Test(arguments: ["/bin/dash", "/bin/bash", "/bin/sh"])
    func theCommandsMeanTheSameInEveryShell(shell: String) throws {
        let agent = try agent()
        let marker = AgentScripts.newMarker()
        let command = AgentDeployment.startCommand(agent, arguments: ["--version"], marker: marker)
        let home = TemporaryDirectory()
        let run = try ChildProcess.run(
            [shell, "-c", command], environment: ["HOME=" + home.path, "PATH=/usr/bin:/bin"])
        #expect(String(decoding: run.output, as: UTF8.self) == "\n\(marker) missing Linux \(agent.architecture)\n")
        #expect(run.errors.isEmpty)
    }
}
