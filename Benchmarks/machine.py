"""SSH servers of our own on loopback, timed processes, and what there is to say about this machine."""

import os
import platform
import shutil
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LIMIT_SECONDS = 1800


class Server:
    """One throw-away sshd with keys, a port and a home of its own (scripts/lib/sshd.sh)."""

    def __init__(self, directory):
        self.directory = directory
        os.makedirs(directory)
        self._shell("start_sshd")
        self.port = int(open(f"{directory}/port").read())

    def _shell(self, function):
        script = f'set -eu; . "$1/scripts/lib/common.sh"; . "$1/scripts/lib/sshd.sh"; {function} "$2"'
        subprocess.run(["bash", "-c", script, "bash", ROOT, self.directory], check=True, stdin=subprocess.DEVNULL)

    def stop(self):
        self._shell("stop_sshd")

    def ssh(self, cipher):
        return (
            f"ssh -F none -p {self.port} -i {self.directory}/user_key -c {cipher} -o BatchMode=yes "
            f"-o IdentitiesOnly=yes -o UserKnownHostsFile={self.directory}/known_hosts"
        )

    def peer(self, path):
        return (
            f"{{host: 127.0.0.1, port: {self.port}, user: {user()}, identity: {self.directory}/user_key, "
            f"known_hosts: {self.directory}/known_hosts, path: {path}}}"
        )


def user():
    return subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()


def timed(commands, environment=None, log=None):
    """Runs all commands at once and returns the seconds until the last has ended well."""
    output = open(log, "ab") if log else subprocess.DEVNULL
    began = time.monotonic()
    running = [
        subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        for command in commands
    ]
    codes = [process.wait(LIMIT_SECONDS) for process in running]
    seconds = time.monotonic() - began
    if any(codes):
        tail = open(log, errors="replace").read()[-2000:] if log else ""
        raise SystemExit(f"{commands[0][0]} ended with {codes}\n{tail}")
    return seconds


def peak_memory(command, environment, directory):
    """Runs `command`; the peak resident sizes in bytes of it and of the agents it started below `directory`."""
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    peaks = {}
    while process.poll() is None:
        for pid in [str(process.pid)] + agents(directory):
            try:
                with open(f"/proc/{pid}/status") as status:
                    high = next((line for line in status if line.startswith("VmHWM")), None)
            except OSError:
                continue
            if high:
                peaks[pid] = int(high.split()[1]) * 1024
        time.sleep(0.01)
    if process.returncode:
        raise SystemExit(f"{command[0]} ended with {process.returncode}")
    own = peaks.pop(str(process.pid), 0)
    return own, max(peaks.values(), default=0)


def agents(directory):
    """Processes called headwater-agent whose home lies below `directory`."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm") as comm:
                if not comm.read().startswith("headwater-agent"):
                    continue
            with open(f"/proc/{pid}/environ", "rb") as environ:
                if os.fsencode(f"HOME={directory}/") in environ.read():
                    found.append(pid)
        except OSError:
            pass
    return found


def best_cipher():
    """The fastest that OpenSSH has on this processor: AES-GCM with AES instructions, else chacha20."""
    with open("/proc/cpuinfo") as cpu:
        aes = any(" aes " in line + " " for line in cpu if line.startswith(("flags", "Features")))
    offered = output(["ssh", "-Q", "cipher"]).split()
    wanted = ["aes128-gcm@openssh.com", "aes128-ctr"] if aes else ["chacha20-poly1305@openssh.com"]
    return next((cipher for cipher in wanted if cipher in offered), offered[0])


def output(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        return (done.stdout + done.stderr).strip()
    except OSError:
        return "not installed"


def describe(headwater):
    """The facts without which a figure means nothing."""
    with open("/proc/cpuinfo") as cpu:
        model = next((line.split(":")[1].strip() for line in cpu if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    with open("/etc/os-release") as release:
        system = dict(line.rstrip().split("=", 1) for line in release if "=" in line).get("PRETTY_NAME", "?").strip('"')
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gib": memory,
        "kernel": platform.release(),
        "system": system,
        "headwater": output([headwater, "--version"]).splitlines(),
        "rsync": output(["rsync", "--version"]).splitlines()[0],
        "ssh": output(["ssh", "-V"]),
        "python": platform.python_version(),
    }


def remove(path):
    shutil.rmtree(path, ignore_errors=False) if os.path.lexists(path) else None


def file_system(path):
    return output(["stat", "-f", "-c", "%T", path])
