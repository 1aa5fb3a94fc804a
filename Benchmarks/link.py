"""An emulated long-distance link between two network namespaces (see link/link.c). It needs root and /dev/net/tun."""

import os
import shutil
import signal
import subprocess
import time

import processes
import stopping

NEAR, FAR = "192.0.2.1", "192.0.2.2"
BITS_PER_SECOND = 1_000_000_000
ALLOWED = "/proc/sys/net/ipv4/tcp_allowed_congestion_control"


class Link:
    """Up from `__init__` to `close`; plain until `shape`."""

    def __init__(self, natives, directory, round_trip, loss, congestion, seed):
        requirements()
        program = natives.compiled("link/link.c")
        self.names = [f"hwbench-{os.getpid()}-{end}" for end in ("near", "far")]
        self.process, self.log, self.permitted = None, f"{directory}/link-log", None
        try:
            self._bring_up(program, round_trip, loss, seed)
            self.congestion = self._choose(congestion)
        except BaseException:
            with stopping.whole():
                self.close()
            raise

    def _bring_up(self, program, round_trip, loss, seed):
        for name in self.names:
            done = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
            if done.returncode:
                raise stopping.Skipped(f"no network namespace can be made: {done.stderr.strip()}")
        queue = int(BITS_PER_SECOND / 8 * round_trip)
        numbers = [int(round_trip / 2 * 1e6), int(loss * 1e6), BITS_PER_SECOND, queue, seed]
        with open(self.log, "wb") as log:
            self.process = processes.spawn([program, *self.names, "hwbench", *map(str, numbers)], out=log)
        until = time.monotonic() + 10
        while "ready" not in self.said():
            if self.process.poll() is not None or time.monotonic() > until:
                raise stopping.Skipped(f"no link between namespaces: {self.said().strip()}")
            time.sleep(0.01)
        for name, own, other in zip(self.names, (NEAR, FAR), (FAR, NEAR)):
            ip = ["ip", "-n", name]
            processes.require([*ip, "link", "set", "lo", "up"])
            processes.require([*ip, "addr", "add", own, "peer", other, "dev", "hwbench"])
            processes.require([*ip, "link", "set", "hwbench", "mtu", "1500", "txqueuelen", "20000", "up"])
            # What one run has learned of the path is not for the next.
            self._set(name, "tcp_no_metrics_save", "1")

    def said(self):
        with open(self.log, errors="replace") as file:
            return file.read()

    def _set(self, name, key, value):
        command = ["ip", "netns", "exec", name, "sh", "-c", 'echo "$1" >/proc/sys/net/ipv4/"$0"', key, value]
        return subprocess.run(command, capture_output=True).returncode == 0

    def _choose(self, congestion):
        """At both ends, as the system's default would be. Returns what holds, which may be another."""
        if congestion:
            self._permit(congestion)
            for name in self.names:
                self._set(name, "tcp_congestion_control", congestion)
        command = ["ip", "netns", "exec", self.names[0], "cat", "/proc/sys/net/ipv4/tcp_congestion_control"]
        return processes.require(command).strip()

    def _permit(self, congestion):
        """A namespace's default may only be what the machine allows to all; taken back by `close`."""
        try:
            with open(ALLOWED) as file:
                before = file.read()
            if congestion not in before.split():
                with stopping.whole(), open(ALLOWED, "w") as file:
                    file.write(f"{before.strip()} {congestion}")
                    self.permitted = before
        except OSError:
            pass  # what holds then is said

    def prefix(self, end):
        return ["ip", "netns", "exec", self.names[end]]

    def shape(self, shaped=True):
        os.kill(self.process.pid, signal.SIGUSR1 if shaped else signal.SIGUSR2)
        time.sleep(0.3)

    def round_trip(self):
        """In seconds, of a connection that is refused: SYN there, RST back. None where bash is missing."""
        if not shutil.which("bash"):
            return None
        began = time.monotonic()
        subprocess.run([*self.prefix(0), "bash", "-c", f"exec 3<>/dev/tcp/{FAR}/9"], capture_output=True)
        return time.monotonic() - began

    def close(self):
        if self.process:
            processes.end(self.process)
            self.process = None
        if self.permitted:
            with open(ALLOWED, "w") as file:
                file.write(self.permitted)
            self.permitted = None
        for name in self.names:
            if os.path.exists(f"/run/netns/{name}"):
                subprocess.run(["ip", "netns", "delete", name], capture_output=True)


def requirements():
    if os.geteuid() != 0:
        raise stopping.Skipped("network namespaces need root")
    if not shutil.which("ip"):
        raise stopping.Skipped("ip (iproute2) is not installed")
    with open("/proc/self/status") as file:
        capable = next(int(line.split()[1], 16) for line in file if line.startswith("CapEff"))
    if not capable >> 12 & 1 or not capable >> 21 & 1:
        raise stopping.Skipped("CAP_NET_ADMIN or CAP_SYS_ADMIN is missing")
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        raise stopping.Skipped("/dev/net/tun is missing or closed")
