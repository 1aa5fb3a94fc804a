#!/usr/bin/env python3
"""Headwater beside rsync and others over SSH, on this machine, in the same minutes. See Benchmarks/README.md.

    Benchmarks/bench.py [--quick] [--rows F1,N1,…] [--place NAME=DIRECTORY]… [--repeats N] [--files N] [--out DIRECTORY]
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
import traceback

import floors
import growth
import machine
import measure
import natives
import place as places
import processes
import report
import rows
import stopping
import verdict

HERE = os.path.dirname(os.path.abspath(__file__))


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="under five minutes, small trees, tmpfs only, no ceilings")
    parser.add_argument("--rows", default=",".join(rows.NAMES), help="of " + ",".join(rows.NAMES))
    parser.add_argument("--place", action="append", default=[], metavar="NAME=DIRECTORY")
    parser.add_argument("--repeats", type=int)
    parser.add_argument("--files", type=int, help="50000, quick 2500; the other trees are in proportion")
    parser.add_argument("--noise-mib", type=int, help="size of the large file: 1024, quick 128")
    parser.add_argument("--out", metavar="DIRECTORY", help="where to write the report; a full run writes to Benchmarks/")
    chosen = parser.parse_args()
    chosen.rows = chosen.rows.split(",")
    unknown = [name for name in chosen.rows if name not in rows.NAMES]
    if unknown:
        parser.error(f"there is no row {', '.join(unknown)}; there are {', '.join(rows.NAMES)}")
    is_full = not (chosen.quick or chosen.place or chosen.repeats or chosen.files or chosen.noise_mib)
    if not chosen.out and is_full and chosen.rows == rows.NAMES:
        chosen.out = HERE
    return chosen


def chosen_places(chosen):
    if chosen.place:
        return [tuple(place.split("=", 1)) for place in chosen.place]
    disk = os.path.join(HERE, "work")
    os.makedirs(disk, exist_ok=True)
    return [("tmpfs", "/dev/shm")] + ([] if chosen.quick else [("disk", disk)])


def binaries():
    found = os.environ.get("HEADWATER_BIN_DIR") or subprocess.run(
        [f"{machine.ROOT}/scripts/build.sh", "--show-bin-path"], capture_output=True, text=True, check=True
    ).stdout.strip()
    return os.path.join(found, "headwater")


class Suite:
    def __init__(self, chosen, headwater, native, document):
        self.chosen, self.headwater, self.native, self.document = chosen, headwater, native, document
        self.sizes = rows.Sizes.chosen(chosen.files, chosen.noise_mib, chosen.quick)
        self.repeats = chosen.repeats or (2 if chosen.quick else 5)

    def run(self):
        for index, (name, directory) in enumerate(chosen_places(self.chosen)):
            self.document["places"][name] = machine.file_system(directory)
            with contextlib.ExitStack() as stack:
                shared = None
                for row in rows.ALL:
                    if row.name not in self.chosen.rows or (index and not row.disk):
                        continue
                    if row.link:
                        with contextlib.ExitStack() as own:
                            self.one(row, name, lambda: self.place(name, directory, own))
                        continue
                    if shared is None:
                        shared = self.place(name, directory, stack)
                    self.one(row, name, lambda: shared)
                    if row is self.last_of(row.tree):
                        self.drop(shared)

    def place(self, name, directory, stack):
        return places.Place(name, directory, self.headwater, stack, self.native)

    def last_of(self, tree):
        return [row for row in rows.ALL if row.tree == tree and row.name in self.chosen.rows][-1]

    def drop(self, place):
        place.clear()
        for name in list(place.trees):
            place.drop(name)

    def one(self, row, name, make_place):
        """A row that fails is reported, and the others go on. What there is is written after each."""
        print(f"{row.name}: {row.what}, {name}", file=sys.stderr, flush=True)
        began = time.monotonic()
        entry = {
            "row": row.name, "title": row.what, "place": name, "over_link": bool(row.link), "target": target_text(row),
            "status": "measured", "reason": "", "judged": [], "tools": [], "notes": [], "tree": {}, "calls": {},
        }  # fmt: skip
        runs, place = None, None
        try:
            place = make_place()
            runs = measure.Runs(row, place)
            self.measured(row, place, runs, entry)
        except stopping.Skipped as lack:
            entry["status"], entry["reason"] = "skipped", str(lack)
        except Exception as failure:
            entry["status"], entry["reason"] = "failed", str(failure) or repr(failure)
            if not isinstance(failure, stopping.Failed):
                traceback.print_exc()
            if place and not row.link:
                self.drop(place)
        except stopping.Stopped as end:
            entry["status"], entry["reason"] = "interrupted", str(end)
            raise
        finally:
            self.keep(entry, runs, began)

    def keep(self, entry, runs, began):
        if entry["status"] != "measured":
            print(f"  {entry['status']}: {entry['reason']}", file=sys.stderr, flush=True)
        if runs:
            entry["tools"], entry["notes"], entry["tree"] = verdict.summary(runs), runs.notes, runs.tree
        entry["took"] = time.monotonic() - began
        with stopping.whole():
            self.document["rows"].append(entry)
            self.write("under way")

    def measured(self, row, place, runs, entry):
        quick = self.chosen.quick
        if row.kind == "growth":
            repeats = min(self.repeats, 3)
            extra = growth.growth(row, place, self.sizes, repeats, quick, runs)
            entry["judged"] = verdict.judged_growth(runs, extra)
            entry["calls"], entry["libssh2_cpu"] = extra["calls"], extra["libssh2_cpu"]
            entry["curves"] = {
                tool: {key: verdict.curve(runs, tool, key) for key in ("near_cpu", "rchar", "seconds")}
                for tool in runs.by_tool
            }
            return
        go = measure.over_link if row.link else measure.measure
        go(row, place, self.sizes, 1 if quick and row.link else self.repeats, quick, runs)
        entry["floor"] = floors.floor(row, place, runs)
        entry["judged"] = verdict.judged(row, runs, entry["floor"])

    def write(self, state):
        self.document["state"] = state
        if self.chosen.out:
            report.write(self.document, self.chosen.out)


def target_text(row):
    return "" if row.bound is None else f"≤ {row.bound:g} × rsync"


def main():
    stopping.install()
    try:
        return bench(options())
    except stopping.Stopped as end:
        return 128 + end.number


def bench(chosen):
    headwater = binaries()
    document = {
        "date": time.strftime("%Y-%m-%d"), "state": "under way", "machine": machine.describe(headwater),
        "command": sys.argv, "places": {}, "rows": [],
    }  # fmt: skip
    code = 0
    with contextlib.ExitStack() as stack:
        with stopping.whole():
            directory = tempfile.mkdtemp(prefix="headwater-bench-programs-")
            stack.callback(machine.remove, directory)
            stack.callback(processes.end_all)
        suite = Suite(chosen, headwater, natives.Natives(directory, may_fetch=not chosen.quick), document)
        try:
            suite.run()
            suite.write("complete")
        except BaseException as reason:
            # Only from here on: what is left runs in the callbacks, and must not be cut short.
            stopping.in_peace()
            suite.write(str(reason) or type(reason).__name__)
            if not isinstance(reason, stopping.Stopped):
                raise
            code = 128 + reason.number
        stopping.in_peace()
    with contextlib.suppress(OSError):
        os.rmdir(os.path.join(HERE, "work"))
    print(report.text(document))
    return code or (1 if any(row["status"] == "failed" for row in document["rows"]) else 0)


if __name__ == "__main__":
    sys.exit(main())
