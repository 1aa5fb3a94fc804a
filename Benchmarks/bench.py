#!/usr/bin/env python3
"""Headwater beside rsync over SSH, on this machine, in the same minutes. See Benchmarks/README.md.

    Benchmarks/bench.py [--quick] [--rows F1,N1,F8,N8,M] [--place NAME=DIRECTORY]... [--repeats N] [--files N]
"""

import argparse
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import machine
import trees

TOTAL_BYTES_PER_FILE = 14380  # 50 000 files are 719 MB
TARGETS = {"F1": 1, "N1": 1, "F8": 8, "N8": 8}


class Bench:
    """All runs in one place (a file system): the source tree, its targets, and the tools that bring them in step."""

    def __init__(self, place, directory, binaries, servers, files):
        self.place, self.servers, self.files = place, servers, files
        self.headwater = os.path.join(binaries, "headwater")
        self.work = tempfile.mkdtemp(prefix="headwater-bench-", dir=directory)
        self.source = os.path.join(self.work, "source")
        self.log = os.path.join(self.work, "log")
        self.cipher = machine.best_cipher()
        self.in_step = 0  # how many targets Headwater has just brought in step
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": f"{self.work}/home", "LANG": "C.UTF-8", "USER": machine.user(),
            **{f"XDG_{kind}": f"{self.work}/{kind}" for kind in
               ("STATE_HOME", "CACHE_HOME", "CONFIG_HOME", "RUNTIME_DIR")},
        }  # fmt: skip
        for kind in ("home", "STATE_HOME", "CACHE_HOME", "CONFIG_HOME", "RUNTIME_DIR"):
            os.makedirs(f"{self.work}/{kind}", mode=0o700)

    def make_source(self):
        self.bytes = trees.make_tree(self.source, self.files, self.files * TOTAL_BYTES_PER_FILE)
        self.expected = trees.facts(self.source)

    def close(self):
        machine.remove(self.work)

    def target(self, index):
        return os.path.join(self.work, f"target{index}")

    def topology(self, count, source=None):
        path = os.path.join(self.work, f"bench{count}.yaml")
        with open(path, "w") as file:
            file.write(f"headwater: 1\nname: bench\npeers:\n  source: {source or self.source}\n")
            for index in range(count):
                file.write(f"  t{index}: {self.servers[index].peer(self.target(index))}\n")
            file.write("edges:\n" + "".join(f"  - source -> t{index}\n" for index in range(count)))
        return path

    def commands(self, tool, count):
        if tool == "headwater":
            return [[self.headwater, "run", self.topology(count)]]
        options = tool.split()[1:]
        return [
            ["rsync", *options, "--delete", "--exclude=/.headwater", "-e", self.servers[index].ssh(self.cipher),
             self.source + "/", f"{machine.user()}@127.0.0.1:{self.target(index)}/"]
            for index in range(count)
        ]  # fmt: skip

    def run(self, tool, count):
        return machine.timed(self.commands(tool, count), self.environment, self.log)

    def clear(self):
        for index in range(len(self.servers)):
            machine.remove(self.target(index))
        machine.remove(os.path.join(self.source, ".headwater"))
        machine.remove(os.path.join(self.work, "STATE_HOME", "headwater"))

    def check(self, tool, count):
        """A run whose trees differ has no score."""
        for index in range(count):
            wrong = trees.differences(self.expected, trees.facts(self.target(index)))
            if wrong:
                raise SystemExit(f"{tool}: the tree of target {index} differs: {wrong}")

    def first_pushes(self, tools, count, repeats):
        seconds = {tool: [] for tool in tools}
        for repeat in range(repeats):
            # Turned by one each time, so that no tool always runs first.
            order = tools[repeat % len(tools):] + tools[: repeat % len(tools)]
            if repeat == repeats - 1:
                order = [tool for tool in order if tool != "headwater"] + ["headwater"]
            for tool in order:
                if "--fsync" in tool and repeat > 0:
                    continue
                self.clear()
                settle()
                seconds[tool].append(self.run(tool, count))
                self.check(tool, count)
                self.in_step = count if tool == "headwater" else 0
                progress(f"{self.place} first push, {count} target(s)", tool, seconds[tool][-1])
        return seconds

    def nothing_changed(self, tools, count, repeats):
        """All tools find the same trees, which Headwater has brought in step."""
        if self.in_step != count:
            self.clear()
            self.run("headwater", count)
            self.check("headwater", count)
        settle()
        seconds = {tool: [] for tool in tools}
        for repeat in range(-1, repeats):  # the first is for the caches and does not count
            for tool in tools if repeat % 2 else tools[::-1]:
                took = self.run(tool, count)
                if repeat >= 0:
                    seconds[tool].append(took)
                    progress(f"{self.place} nothing changed, {count} target(s)", tool, took)
        self.check("headwater", count)
        return seconds

    def memory(self, files):
        """Peak resident bytes (orchestrator, agent) of a first push of many small files and of one more run."""
        many = os.path.join(self.work, "many")
        trees.make_tree(many, files, 0, fan_out=200)
        for index in range(len(self.servers)):
            machine.remove(self.target(index))
        command = [self.headwater, "run", self.topology(1, many)]
        directory = self.servers[0].directory
        peaks = {run: machine.peak_memory(command, self.environment, directory) for run in ("first", "unchanged")}
        if trees.differences(trees.facts(many), trees.facts(self.target(0))):
            raise SystemExit("memory: the trees differ")
        machine.remove(many)
        return peaks


def settle():
    """What the run before left unwritten is not charged to the next."""
    os.sync()


def progress(what, tool, seconds):
    print(f"  {what}: {tool} {seconds:.2f} s", file=sys.stderr, flush=True)


def summarise(row, place, seconds):
    ours = seconds["headwater"]
    lines = []
    for tool, times in seconds.items():
        ratios = [a / b for a, b in zip(ours, times)]
        lines.append({
            "row": row, "place": place, "tool": tool, "seconds": [round(t, 3) for t in times],
            "median": round(statistics.median(times), 3), "min": round(min(times), 3), "max": round(max(times), 3),
            "ratio": None if tool == "headwater" else round(statistics.median(ratios), 3),
        })  # fmt: skip
    return lines


def table(results):
    rows = ["| row | where | tool | median s | min to max | headwater / it |", "|---|---|---|---|---|---|"]
    for line in results:
        ratio = "" if line["ratio"] is None else f"{line['ratio']:.2f}"
        rows.append(
            f"| {line['row']} | {line['place']} | {line['tool']} | {line['median']:.2f} | "
            f"{line['min']:.2f} to {line['max']:.2f} | {ratio} |"
        )
    return "\n".join(rows)


def report(document):
    facts = document["machine"]
    lines = [
        "# Headwater beside rsync", "",
        f"{document['date']}, {facts['cpu']}, {facts['cores']} cores, {facts['memory_gib']} GiB, {facts['system']}, "
        f"Linux {facts['kernel']}. All ends of all connections share these cores: ratios count, seconds do not.", "",
        table(document["results"]), "",
        "F1, F8: first push to 1 and to 8 targets at once. N1, N8: the same with nothing changed. "
        f"{document['files']} files, {document['bytes'] / 1e6:.0f} MB. The last column is the median of the ratios "
        "of runs made one right after the other; below 1 Headwater is faster.", "",
        "Every first push was compared (kinds, modes, times in ns, sizes, link targets, SHA-256) before it counted.",
        "", "Durability: Headwater makes every file durable before it publishes it; `rsync` leaves that to the page "
        "cache, but for `rsync … --fsync`. On tmpfs nothing is durable for either.", "",
        "The agent was deployed before the clock ran, as rsync was installed. No process was resident in between.", "",
    ]  # fmt: skip
    if document["memory"]:
        lines += [f"Memory, {document['memory_files']} small files, 1 target (peak resident, MB):", "",
                  "| run | orchestrator | agent |", "|---|---|---|"]  # fmt: skip
        lines += [f"| {run} | {a / 1e6:.0f} | {b / 1e6:.0f} |" for run, (a, b) in document["memory"].items()]
        lines.append("")
    lines += ["Versions:", "", "```", *facts["headwater"], facts["rsync"], facts["ssh"], "```", "", "Commands:", "", "```"]
    lines += document["commands"] + ["```", ""]
    return "\n".join(lines)


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="under five minutes, tmpfs only, writes no report")
    parser.add_argument("--rows", default="F1,N1,F8,N8,M")
    parser.add_argument("--place", action="append", default=[], metavar="NAME=DIRECTORY")
    parser.add_argument("--repeats", type=int)
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("--memory-files", type=int, default=200_000)
    return parser.parse_args()


def places(chosen, quick):
    if chosen:
        return [tuple(place.split("=", 1)) for place in chosen]
    disk = os.path.join(machine.ROOT, "Benchmarks", "work")
    os.makedirs(disk, exist_ok=True)
    return [("tmpfs", "/dev/shm")] + ([] if quick else [("disk", disk)])


def tools(place, row, quick):
    if row.startswith("N"):
        return ["headwater", "rsync -a"]
    found = ["headwater", "rsync -a"] + ([] if quick and row == "F8" else ["rsync -aW"])
    # It takes minutes, one of each file's: that it does is shown once.
    return found + (["rsync -a --fsync"] if place != "tmpfs" and row == "F1" else [])


def measure(bench, rows, repeats, quick):
    results = []
    for row in rows:
        if row not in TARGETS:
            continue
        count = TARGETS[row]
        chosen = tools(bench.place, row, quick)
        if row.startswith("F"):
            seconds = bench.first_pushes(chosen, count, min(repeats, 2) if quick and count > 1 else repeats)
        else:
            seconds = bench.nothing_changed(chosen, count, repeats)
        results += summarise(row, bench.place, seconds)
    return results


def main():
    arguments = options()
    binaries = os.environ.get("HEADWATER_BIN_DIR") or subprocess.run(
        [f"{machine.ROOT}/scripts/build.sh", "--show-bin-path"], capture_output=True, text=True, check=True
    ).stdout.strip()
    rows, repeats = arguments.rows.split(","), arguments.repeats or (3 if arguments.quick else 5)
    count = max([TARGETS.get(row, 1) for row in rows])
    document = {
        "date": time.strftime("%Y-%m-%d"), "machine": machine.describe(os.path.join(binaries, "headwater")),
        "files": arguments.files, "bytes": 0, "results": [], "memory": {}, "memory_files": arguments.memory_files,
        "commands": [],
    }  # fmt: skip
    hosts = tempfile.mkdtemp(prefix="headwater-bench-hosts-")
    servers, open_benches = [], []
    try:
        servers += [machine.Server(f"{hosts}/{index}") for index in range(count)]
        for place, directory in places(arguments.place, arguments.quick):
            needed = arguments.files * TOTAL_BYTES_PER_FILE * (count + 1) * 1.3
            if shutil.disk_usage(directory).free < needed:
                print(f"{place}: {needed / 1e9:.0f} GB are needed in {directory}: left out", file=sys.stderr)
                continue
            bench = Bench(place, directory, binaries, servers, arguments.files)
            open_benches.append(bench)
            warm_up(bench, count)
            bench.make_source()
            document["bytes"] = bench.bytes
            document["results"] += measure(bench, rows, repeats, arguments.quick)
            if "M" in rows and place == "tmpfs":
                document["memory"] = bench.memory(arguments.memory_files)
            document["commands"] += commands(bench, document["results"])
            open_benches.pop().close()
    finally:
        for server in servers:
            server.stop()
        for bench in open_benches:
            bench.close()
        machine.remove(hosts)
    text = report(document)
    print(text)
    if not arguments.quick and not arguments.place and not arguments.repeats and arguments.files == 50_000:
        write_results(text, document)


def warm_up(bench, count):
    """Deploys the agent to every server with a tree of a few files."""
    small = os.path.join(bench.work, "small")
    trees.make_tree(small, 10, 40_960)
    machine.timed([[bench.headwater, "run", bench.topology(count, small)]], bench.environment, bench.log)
    machine.remove(small)
    machine.remove(os.path.join(bench.work, "STATE_HOME", "headwater"))
    for index in range(count):
        machine.remove(bench.target(index))


def commands(bench, results):
    """One command line of each tool, with the place named by its role."""
    used = sorted({line["tool"] for line in results if line["place"] == bench.place})
    lines = [f"# {bench.place}: {machine.file_system(bench.work)}"]
    for tool in used:
        command = shlex.join(bench.commands(tool, 1)[0])
        lines.append(command.replace(bench.work, "$WORK").replace(bench.servers[0].directory, "$HOST"))
    return lines


def write_results(text, document):
    directory = os.path.join(machine.ROOT, "Benchmarks")
    with open(os.path.join(directory, "RESULTS.md"), "w") as file:
        file.write(text)
    with open(os.path.join(directory, "results.json"), "w") as file:
        json.dump(document, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
