"""SSH servers of our own on loopback, timed processes, and what there is to say about this machine."""

import os
import platform
import re
import resource
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


class Failed(Exception):
    """A run that has no score, and why."""


def processor_seconds():
    """Of the whole machine, idling left out."""
    with open("/proc/stat") as file:
        user, nice, system, _, _, irq, soft, *_ = map(int, file.readline().split()[1:])
    return (user + nice + system + irq + soft) / os.sysconf("SC_CLK_TCK")


def finish(running, commands, log):
    outputs = [process.communicate(timeout=LIMIT_SECONDS)[0] for process in running]
    codes = [process.returncode for process in running]
    if any(codes):
        with open(log, errors="replace") as file:
            raise Failed(f"{commands[0][0]} ended with {codes}: {outputs[0][-300:]} {file.read()[-1000:]}")
    return outputs


def start(commands, environment, log):
    with open(log, "ab") as errors:
        return [
            subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
                             text=True)
            for command in commands
        ]  # fmt: skip


def measured(commands, environment, log):
    """Runs all commands at once: seconds until the last has ended well, and processor seconds of the machine meanwhile."""
    processor, began = processor_seconds(), time.monotonic()
    outputs = finish(start(commands, environment, log), commands, log)
    seconds = time.monotonic() - began
    return {"seconds": seconds, "processor": processor_seconds() - processor, "outputs": outputs}


def source_seconds(commands, environment, log):
    """Processor seconds of these commands and what they started here, without the servers."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    finish(start(commands, environment, log), commands, log)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 3)


TRACED = ("openat", "openat2", "pread64", "statx", "getdents64")


def traced(command, environment, directory):
    """How often a command calls the system to look at and read files, and how many bytes it reads; None without strace."""
    if not shutil.which("strace"):
        return None
    output = os.path.join(directory, "trace")
    trace = ["strace", "-f", "-qq", "-e", "signal=none", "-e", f"trace={','.join(TRACED)}", "-o", output]
    subprocess.run([*trace, *command], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, check=True)  # fmt: skip
    calls, read = dict.fromkeys(TRACED, 0), 0
    with open(output, errors="replace") as lines:
        for line in lines:
            match = re.search(r"(?:^\d+ +|<\.\.\. )(\w+)[( ].*= (\d+)", line)
            if match and match[1] in calls:
                calls[match[1]] += 1
                read += int(match[2]) if match[1] == "pread64" else 0
    os.unlink(output)
    return {**calls, "bytes_read": read}


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
        raise Failed(f"{command[0]} ended with {process.returncode}")
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
