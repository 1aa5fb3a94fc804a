#!/usr/bin/env python3
"""Headwater beside rsync over SSH, on this machine, in the same minutes. See Benchmarks/README.md.

    Benchmarks/bench.py [--quick] [--write] [--rows F1,N1,...] [--place NAME=DIRECTORY]... [--repeats N] [--files N]
"""

import argparse
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import machine
import place
import report
import rows
import trees

ALL = "F1,N1,P1,F8,N8,C8,R1,B1,D1,I1,D8,X,M1,NM"
QUICK = "F1,N1,F8,N8,C8,D1,I1,R1"
ON_DISK = ("F1", "N1", "F8", "N8")
MARGINAL_COUNTS = (1, 2, 4, 8, 16)


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="under five minutes: tmpfs only, fewer rows, smaller trees")
    parser.add_argument("--write", action="store_true", help="write the report after every row; only prints otherwise")
    parser.add_argument("--rows")
    parser.add_argument("--place", action="append", default=[], metavar="NAME=DIRECTORY")
    parser.add_argument("--repeats", type=int)
    parser.add_argument("--files", type=int)
    parser.add_argument("--large-mib", type=int)
    parser.add_argument("--many-files", type=int, default=1_000_000)
    chosen = parser.parse_args()
    chosen.rows = (chosen.rows or (QUICK if chosen.quick else ALL)).split(",")
    chosen.repeats = chosen.repeats or (2 if chosen.quick else 5)
    chosen.files = chosen.files or (10_000 if chosen.quick else 50_000)
    chosen.large_mib = chosen.large_mib or (128 if chosen.quick else 1024)
    for row in chosen.rows:
        if row not in rows.ROWS and row != "X":
            parser.error(f"no row {row}; there are {', '.join(rows.ROWS)}, X")
    return chosen


def places(chosen):
    if chosen.place:
        return [tuple(given.split("=", 1)) for given in chosen.place]
    disk = os.path.join(machine.ROOT, "Benchmarks", "work")
    os.makedirs(disk, exist_ok=True)
    return [("tmpfs", "/dev/shm")] + ([] if chosen.quick else [("disk", disk)])


def tools(where, row, quick):
    """First pushes also with -W, which is faster where it is. --fsync takes minutes: that it does is shown once."""
    found = ["headwater", "rsync -a"]
    if rows.ROWS[row][1] == "first" and row != "M1" and not quick:
        found.append("rsync -aW")
    return found + (["rsync -a --fsync"] if where.name != "tmpfs" and row == "F1" else [])


def measure(where, chosen, document):
    """All rows of one place, tree by tree. A row that fails is told, and the next one begins."""
    makers = rows.makers(chosen.files, chosen.large_mib << 20, chosen.many_files)
    wanted = [row for row in chosen.rows if where.name != "disk" or row in ON_DISK or chosen.place]
    made = None
    for row in wanted:
        tree = "mixed" if row == "X" else rows.ROWS[row][0]
        try:
            if tree != made:
                where.use(makers[tree])
                made = tree
            if row == "X":
                document["marginal"] = rows.marginal(where, MARGINAL_COUNTS)
                continue
            # The rows of a million files take minutes each.
            repeats = min(2, chosen.repeats) if tree == "many" else chosen.repeats
            runs = rows.run_row(where, row, tools(where, row, chosen.quick), repeats)
            document["results"] += report.summarise(row, where.name, runs)
            if row == "NM":
                document["memory"] = rows.memory(where)
        except (machine.Failed, subprocess.CalledProcessError, OSError) as failure:
            document["failures"].append(f"{row} on {where.name}: {failure}")
            print(f"  {where.name} {row}: {failure}", file=sys.stderr, flush=True)
            made = None
        if chosen.write:
            report.write(document)


def warm_up(where, count):
    """Deploys the agent to every server with a tree of a few files."""
    where.use(lambda path: trees.make_tree(path, 10, 40_960))
    where.run("headwater", count)
    where.clear("headwater")


def commands(where):
    """One command line of each tool, with the places named by their roles."""
    lines = [f"# {where.name}: {machine.file_system(where.work)}"]
    for tool in ("headwater", "rsync -a"):
        command = shlex.join(where.commands(tool, 1)[0])
        for path, role in ((where.work, "$WORK"), (where.servers[0].directory, "$HOST"), (where.headwater, "headwater")):
            command = command.replace(path, role)
        lines.append(command)
    return lines


def ended(number, _):
    raise SystemExit(128 + number)


def main():
    # Also where they came ignored, as behind nohup: what was started is to be ended.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, ended)
    chosen = options()
    binaries = os.environ.get("HEADWATER_BIN_DIR") or subprocess.run(
        [f"{machine.ROOT}/scripts/build.sh", "--show-bin-path"], capture_output=True, text=True, check=True
    ).stdout.strip()
    count = max([16 if row == "X" else rows.ROWS[row][2] for row in chosen.rows])
    document = {
        "date": time.strftime("%Y-%m-%d"), "machine": machine.describe(os.path.join(binaries, "headwater")),
        "repeats": chosen.repeats, "results": [], "memory": {}, "marginal": [], "failures": [], "commands": [],
        "sizes": {"files": chosen.files, "bytes": chosen.files * rows.TOTAL_BYTES_PER_FILE / 1e6,
                  "flat": chosen.files * 2 // 5, "large": (chosen.large_mib << 20) / 1e6, "many": chosen.many_files},
    }  # fmt: skip
    hosts = tempfile.mkdtemp(prefix="headwater-bench-hosts-")
    servers, where = [], None
    try:
        for index in range(count):
            servers.append(machine.Server(f"{hosts}/{index}"))
        for name, directory in places(chosen):
            needed = chosen.files * rows.TOTAL_BYTES_PER_FILE * 2 * (min(count, 8) + 1)
            if shutil.disk_usage(directory).free < needed:
                document["failures"].append(f"{name}: {needed / 1e9:.0f} GB are needed in {directory}")
                continue
            where = place.Place(name, directory, binaries, servers)
            warm_up(where, count)
            document["commands"] += commands(where)
            measure(where, chosen, document)
            where.close()
            where = None
    finally:
        for server in servers:
            server.stop()
        if where:
            where.close()
        machine.remove(hosts)
    if chosen.write:
        report.write(document)
    print(report.report(document))


if __name__ == "__main__":
    main()
