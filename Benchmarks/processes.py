"""Processes that are timed, and what the system says of them afterwards."""

import contextlib
import os
import select
import signal
import subprocess
import time

import stopping

SAMPLE_SECONDS = 0.05
_running = {}  # pid -> Popen; what is here when the program ends is killed


def spawn(command, environment=None, out=None, directory=None):
    """Starts `command` in a process group of its own, so that it can be ended with all that it started."""
    with stopping.whole():
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=out or subprocess.DEVNULL,
            stderr=subprocess.STDOUT if out else subprocess.DEVNULL, cwd=directory, process_group=0,
        )  # fmt: skip
        _running[process.pid] = process
    return process


def forget(process):
    _running.pop(process.pid, None)


def end(process, patience=5):
    """Ends it and the group it leads."""
    if process.returncode is None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(patience)
                break
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    forget(process)


def end_all():
    for process in list(_running.values()):
        end(process)


def output(command, **options):
    """What it prints, or why it cannot."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, **options)
        return (done.stdout + done.stderr).strip()
    except (OSError, subprocess.TimeoutExpired) as lack:
        return "not installed" if isinstance(lack, FileNotFoundError) else str(lack)


def require(command, **options):
    """Runs a command of the suite's own; its failure is that of the row."""
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, **options
    )
    if done.returncode:
        raise stopping.Failed(f"{command[0]} ended with {done.returncode}: {done.stdout.strip()[-500:]}")
    return done.stdout


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def descendants(pid):
    found = []
    pending = [pid]
    while pending:
        below = children(pending.pop())
        found += below
        pending += below
    return found


def name(pid):
    try:
        with open(f"/proc/{pid}/comm") as file:
            return file.read().strip()
    except OSError:
        return ""


def peak_resident(pid):
    """In bytes; 0 once it has ended."""
    try:
        with open(f"/proc/{pid}/status") as status:
            line = next((line for line in status if line.startswith("VmHWM")), None)
    except OSError:
        line = None
    return int(line.split()[1]) * 1024 if line else 0


def io_counts(pid):
    """/proc/PID/io of a process that has ended but is not waited for: with what its children, waited for, have read."""
    try:
        with open(f"/proc/{pid}/io") as file:
            return {key: int(value) for key, value in (line.split(": ") for line in file)}
    except OSError:
        return {}


def run(commands, environment, logs, servers=None, limit=1800):
    """Runs all commands at once. Returns seconds until the last has ended, and what they used.

    `logs` names a file for the output of each. What has not ended after `limit` seconds is ended: `unfinished` then.
    `servers` (see servers.py) tells what the far ends used.
    """
    far_before = servers.processor_seconds() if servers else None
    used = {"near_cpu": 0.0, "rchar": 0, "read_bytes": 0, "near_peak": 0, "far_peak": 0, "unfinished": False}
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(open(log, "wb")) for log in logs]
        began = time.monotonic()
        running = [spawn(command, environment, file) for command, file in zip(commands, files)]
        try:
            _watch(running, used, servers, began + limit)
        finally:
            seconds = min(time.monotonic() - began, limit)
            for process in running:
                end(process)
    codes = [process.returncode for process in running]
    if servers:
        servers.quiet(by_force=used["unfinished"])
        used["far_cpu"] = servers.processor_seconds() - far_before
    if any(codes) and not used["unfinished"]:
        with open(logs[next(i for i, code in enumerate(codes) if code)], errors="replace") as file:
            raise stopping.Failed(f"{os.path.basename(commands[0][0])} ended with {codes}: {file.read()[-1500:]}")
    return {"seconds": seconds, **used}


def _watch(running, used, servers, deadline):
    poll = select.poll()
    waiting = {}
    for process in running:
        descriptor = os.pidfd_open(process.pid)
        waiting[descriptor] = process
        poll.register(descriptor, select.POLLIN)
    try:
        while waiting:
            ended = poll.poll(SAMPLE_SECONDS * 1000)
            if not ended:
                _sample(waiting.values(), used, servers)
                if time.monotonic() > deadline:
                    # Asked to end, so that what it has used is known, and soon after made to.
                    number = signal.SIGKILL if used["unfinished"] else signal.SIGTERM
                    used["unfinished"], deadline = True, deadline + 5
                    for process in waiting.values():
                        with contextlib.suppress(ProcessLookupError):
                            os.killpg(process.pid, number)
            for descriptor, _ in ended:
                poll.unregister(descriptor)
                _collect(waiting.pop(descriptor), used)
                os.close(descriptor)
    finally:
        for descriptor in waiting:
            os.close(descriptor)


def _sample(running, used, servers):
    # ru_maxrss begins with what the parent had, which may be more than the program ever needs.
    used["near_peak"] = max([used["near_peak"]] + [peak_resident(process.pid) for process in running])
    if servers:
        used["far_peak"] = max([used["far_peak"]] + [peak_resident(pid) for pid in servers.far_ends()])


def _collect(process, used):
    with stopping.whole():
        counts = io_counts(process.pid)
        _, status, resources = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    used["near_cpu"] += resources.ru_utime + resources.ru_stime
    used["rchar"] += counts.get("rchar", 0)
    used["read_bytes"] += counts.get("read_bytes", 0)
