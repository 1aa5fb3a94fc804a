"""SSH servers of our own on loopback or behind an emulated link: one per target, each with a host key of its own."""

import contextlib
import getpass
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time

import processes
import stopping

SSHD = shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
CONFIGURATION = """\
Port {port}
ListenAddress {address}
HostKey {directory}/host_key
AuthorizedKeysFile {directory}/user_key.pub
PidFile none
StrictModes no
UsePAM {pam}
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
MaxStartups 100
SetEnv HOME={directory}/home
"""


def user():
    return pwd.getpwuid(os.geteuid()).pw_name or getpass.getuser()


class Server:
    """One sshd in a directory of its own: keys, known_hosts, log, and the home of what runs over it."""

    def __init__(self, directory, cgroup, address="127.0.0.1", prefix=()):
        self.directory, self.address, self.prefix = directory, address, list(prefix)
        os.makedirs(f"{directory}/home", mode=0o700)
        os.chmod(directory, 0o700)
        for key in ("host_key", "user_key"):
            processes.require(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "bench", "-f", f"{directory}/{key}"]
            )
        for _ in range(10):
            if self._listens(cgroup):
                return
        raise stopping.Failed(f"sshd does not start: {self._log()}")

    def _log(self):
        with open(f"{self.directory}/log", errors="replace") as file:
            return file.read()[-1000:]

    def _listens(self, cgroup):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        with open(f"{self.directory}/sshd_config", "w") as file:
            file.write(CONFIGURATION.format(
                port=self.port, address=self.address, directory=self.directory, pam="yes" if needs_pam() else "no"
            ))  # fmt: skip
        command = [*self.prefix, SSHD, "-D", "-e", "-f", f"{self.directory}/sshd_config"]
        with open(f"{self.directory}/log", "wb") as log:
            self.process = processes.spawn(cgroup.within(command), out=log)
        until = time.monotonic() + 10
        while self.process.poll() is None and time.monotonic() < until:
            if "Server listening" in self._log():
                self._make_known()
                return True
            time.sleep(0.02)
        processes.end(self.process)
        return False

    def _make_known(self):
        with open(f"{self.directory}/host_key.pub") as file:
            key = " ".join(file.read().split()[:2])
        with open(f"{self.directory}/known_hosts", "w") as file:
            file.write(f"[{self.address}]:{self.port} {key}\n")

    def stop(self):
        below = processes.descendants(self.process.pid)
        processes.end(self.process)
        for pid in below + strays(f"{self.directory}/home"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def ssh(self, cipher):
        return (
            f"ssh -F none -p {self.port} -i {self.directory}/user_key -c {cipher} -o BatchMode=yes "
            f"-o IdentitiesOnly=yes -o UserKnownHostsFile={self.directory}/known_hosts"
        )

    def place(self, path):
        return f"{user()}@{self.address}:{path}"

    def peer(self, path):
        return (
            f"{{host: {self.address}, port: {self.port}, user: {user()}, identity: {self.directory}/user_key, "
            f"known_hosts: {self.directory}/known_hosts, path: {path}}}"
        )


class Servers(list):
    """All of them, and what their processes use. Ended by `stop`."""

    def __init__(self, directory):
        super().__init__()
        self.directory, self.cgroup = directory, Cgroup()

    def start(self, count, address="127.0.0.1", prefix=()):
        while len(self) < count:
            self.append(Server(f"{self.directory}/host{len(self)}", self.cgroup, address, prefix))

    def stop(self):
        for server in self:
            server.stop()
        self.clear()
        self.cgroup.close()

    def far_ends(self):
        """What runs there, without sshd's own processes."""
        pids = [pid for server in self for pid in processes.descendants(server.process.pid)]
        return [pid for pid in pids if not processes.name(pid).startswith("sshd")]

    def processor_seconds(self):
        """Of everything below the servers so far, sshd's part included."""
        seconds = self.cgroup.processor_seconds()
        return sum(waited_for(server.process.pid) for server in self) if seconds is None else seconds

    def quiet(self, by_force=False):
        """Returns when no connection is left, so that nothing of one run is charged to the next."""
        until = time.monotonic() + (0 if by_force else 10)
        while True:
            left = [pid for server in self for pid in processes.descendants(server.process.pid)]
            if not left:
                return
            if time.monotonic() > until:
                for pid in left:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                until += 5
            time.sleep(0.005)


class Cgroup:
    """Counts the processor seconds of what is started in it, where a cgroup can be made."""

    def __init__(self):
        self.path = None
        name = f"headwater-bench-{os.getpid()}"
        for root, file, unit in (
            ("/sys/fs/cgroup/cpuacct", "cpuacct.usage", 1e-9), ("/sys/fs/cgroup", "cpu.stat", 1e-6)
        ):  # fmt: skip
            path = os.path.join(root, name)
            with contextlib.suppress(OSError), stopping.whole():
                os.mkdir(path)
                if os.access(f"{path}/{file}", os.R_OK) and os.access(f"{path}/cgroup.procs", os.W_OK):
                    self.path, self.file, self.unit = path, f"{path}/{file}", unit
                    return
                os.rmdir(path)

    def within(self, command):
        if not self.path:
            return command
        return ["sh", "-c", 'echo $$ >"$0"; exec "$@"', f"{self.path}/cgroup.procs", *command]

    def processor_seconds(self):
        if not self.path:
            return None
        with open(self.file) as file:
            words = file.read().split()
        return int(words[words.index("usage_usec") + 1] if "usage_usec" in words else words[0]) * self.unit

    def close(self):
        for _ in range(100):
            if not self.path or not os.path.isdir(self.path):
                return
            with contextlib.suppress(OSError):
                os.rmdir(self.path)
            time.sleep(0.02)


def waited_for(pid):
    """Processor seconds of the children that `pid` has waited for, and of theirs."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def strays(home):
    """Processes that have the home of one of our servers, wherever they hang by now."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/environ", "rb") as file:
            if os.fsencode(f"HOME={home}") in file.read().split(b"\0"):
                found.append(int(pid))
    return found


def needs_pam():
    """Without PAM sshd refuses root where the password is locked."""
    if os.geteuid() != 0:
        return False
    os.makedirs("/run/sshd", exist_ok=True)
    line = subprocess.run(["getent", "shadow", "root"], capture_output=True, text=True).stdout
    return line.startswith("root:!")


def best_cipher():
    """The fastest that OpenSSH has on this processor: AES-GCM with AES instructions, else chacha20."""
    with open("/proc/cpuinfo") as cpu:
        aes = any(" aes " in line + " " for line in cpu if line.startswith(("flags", "Features")))
    offered = processes.output(["ssh", "-Q", "cipher"]).split()
    wanted = ["aes128-gcm@openssh.com", "aes128-ctr"] if aes else ["chacha20-poly1305@openssh.com"]
    return next((cipher for cipher in wanted if cipher in offered), offered[0])
