"""What no tool that speaks SSH can go below here: the sum of measured parts."""

import os
import statistics

import processes
import servers
import stopping


def floor(row, place, runs):
    """Seconds: crypto of the bytes sent, at both ends, and reading and writing the files, on all cores at once.

    None where a part was not measured.
    """
    copies = runs.by_tool.get("cp -a")
    if row.kind != "first" or row.link or not copies:
        return None
    sent = statistics.median(run["bytes_sent"] for run in runs.by_tool["headwater"])
    crypto = send_costs(place, round(sent / row.targets), runs, 3, "both")
    if crypto is None:
        return None
    files = statistics.median(run["near_cpu"] for run in copies)
    cores = os.cpu_count()
    whole = (crypto * row.targets + files) / cores
    runs.notes.append(
        f"floor: {whole:.2f} s = ({crypto * row.targets:.2f} processor seconds for libssh2 and sshd to pass "
        f"{sent / 1e6:.0f} MB + {files:.2f} for cp -a to read and write the files) / {cores} cores"
    )
    return {"crypto": crypto * row.targets, "files": files, "cores": cores, "sum": whole}


def send_costs(place, size, runs, repeats, ends):
    """Of `size` bytes to one server by libssh2 alone: processor seconds here ("near") or of both ends ("both")."""
    try:
        program = place.natives.compiled("ceilings/send.c", "-lssh2")
    except stopping.Skipped as lack:
        runs.notes.append(f"libssh2 alone was not measured: {lack}")
        return None
    far = place.servers[0]
    command = [program, far.address, str(far.port), servers.user(), f"{far.directory}/user_key", str(size)]
    seconds = []
    for _ in range(repeats):
        used = processes.run([command], place.environment, [f"{place.work}/log-send"], place.servers)
        with open(f"{place.work}/log-send") as file:
            seconds.append(float(file.read()) + (used["far_cpu"] if ends == "both" else 0))
    return statistics.median(seconds)
