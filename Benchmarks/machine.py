"""What there is to say about this machine, and how much room it has."""

import os
import platform
import shutil

from processes import output

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def describe(headwater):
    """The facts without which a figure means nothing."""
    with open("/proc/cpuinfo") as cpu:
        model = next((line.split(":")[1].strip() for line in cpu if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    with open("/etc/os-release") as release:
        system = dict(line.rstrip().split("=", 1) for line in release if "=" in line).get("PRETTY_NAME", "?").strip('"')
    with open("/proc/sys/net/ipv4/tcp_congestion_control") as file:
        congestion = file.read().strip()
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gib": memory,
        "kernel": platform.release(),
        "system": system,
        "congestion_control": congestion,
        "headwater": output([headwater, "--version"]).splitlines(),
        "rsync": output(["rsync", "--version"]).splitlines()[0],
        "ssh": output(["ssh", "-V"]),
        "tar": output(["tar", "--version"]).splitlines()[0],
        "cp": output(["cp", "--version"]).splitlines()[0],
        "python": platform.python_version(),
    }


def remove(path):
    if os.path.islink(path) or os.path.isfile(path):
        os.unlink(path)
    elif os.path.lexists(path):
        shutil.rmtree(path)


def file_system(path):
    return output(["stat", "-f", "-c", "%T", path])


def room(path):
    """Bytes that can be written there: in memory, no more than is free without swapping."""
    free = shutil.disk_usage(path).free
    if file_system(path) != "tmpfs":
        return free
    with open("/proc/meminfo") as file:
        available = next(int(line.split()[1]) for line in file if line.startswith("MemAvailable"))
    return min(free, available * 1024 - (1 << 30))
