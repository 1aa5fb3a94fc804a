"""What one more target costs at the source: processor seconds, bytes read, system calls, for 1, 2, 4 … targets."""

import os
import re
import shutil
import statistics

import floors
import measure
import processes
import tools

# As strace -c names them; each group must not grow with the number of targets.
CALLS = {
    "open": ("open", "openat", "openat2"),
    "read": ("read", "pread64", "readv", "preadv", "preadv2"),
    "stat": ("stat", "lstat", "statx", "newfstatat"),
    "getdents": ("getdents64",),
}


def growth(row, place, sizes, repeats, quick, runs):
    """Fills `runs`, whose turns hold the number of targets besides; returns the system calls and what libssh2 needs."""
    found = [measure.OURS, tools.Rsync("-a")]
    row.targets = max(sizes.growth)
    place.needs_room(measure.room_needed(row, sizes, 1))
    place.start_servers(row.targets)
    maker, *arguments = measure.TREE_MAKERS[row.tree](sizes)
    runs.tree = {"files": sizes.files, "bytes": place.make(row.tree, maker, *arguments)}
    runs.commands = {tool.name: place.shown(tool, place.layout(tool, row.tree, 1)) for tool in found}
    for count in sizes.growth:
        for turn in range(repeats):
            for tool in measure.turned(found, turn, {}):
                run = one(row, place, tool, count)
                runs.add(tool, turn, {"targets": count, **run})
    extra = {"calls": {}, "libssh2_cpu": libssh2(row, place, runs)}
    if not shutil.which("strace"):
        runs.notes.append("system calls were not counted: strace is not installed")
        return extra
    for tool in found:
        extra["calls"][tool.name] = {str(count): counted(row, place, tool, count) for count in sizes.growth}
    place.clear()
    return extra


def one(row, place, tool, count, wrap=None):
    place.clear()
    layout = place.layout(tool, row.tree, count)
    run = place.run(tool, layout, wrap=wrap)
    place.check(tool, layout, row.tree)
    return run


def counted(row, place, tool, count):
    """System calls of the source in a run of its own, whose time does not count."""
    path = f"{place.work}/strace"
    names = ",".join("?" + name for group in CALLS.values() for name in group)
    fast = ["--seccomp-bpf"] if "--seccomp-bpf" in processes.output(["strace", "-h"]) else []

    def wrap(command, index):
        return ["strace", "-f", *fast, "-c", "-o", f"{path}-{index}", "-e", f"trace={names}", *command]

    measure.progress(f"{row.name} counts system calls: {tool.name}, {count} targets")
    one(row, place, tool, count, wrap)
    totals = dict.fromkeys(CALLS, 0)
    for index in range(len(tool.commands(place.ground, place.layout(tool, row.tree, count)))):
        with open(f"{path}-{index}") as file:
            for name, calls in parsed(file.read()).items():
                group = next((group for group, names in CALLS.items() if name in names), None)
                if group:
                    totals[group] += calls
        os.unlink(f"{path}-{index}")
    return totals


def parsed(text):
    """name -> calls of what `strace -c` prints: % time, seconds, usecs/call, calls, errors where there are any, name."""
    found = {}
    for line in text.splitlines():
        match = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", line)
        if match and match[2] != "total":
            found[match[2]] = int(match[1])
    return found


def libssh2(row, place, runs, repeats=3):
    """Processor seconds that libssh2 alone needs to send what Headwater sends one target; None where it is missing."""
    single = [run for run in runs.by_tool["headwater"] if run["targets"] == 1]
    size = round(statistics.median(run["bytes_sent"] for run in single))
    return floors.send_costs(place, size, runs, repeats, "near")
