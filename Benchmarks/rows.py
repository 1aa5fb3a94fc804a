"""The rows of the scoreboard: which tree, how many targets, what happens before each run, and what is to be reached."""

import os
import random
import shutil
import sys

import machine
import trees

TOTAL_BYTES_PER_FILE = 14380  # 50 000 files are 719 MB
EDIT_BYTES = 4096

# name: tree, kind of run, targets, the ratio to `rsync -a` to be reached
ROWS = {
    "F1": ("mixed", "first", 1, 0.55), "F8": ("mixed", "first", 8, 0.40), "P1": ("mixed", "pull", 1, 0.70),
    "N1": ("mixed", "unchanged", 1, 0.50), "N8": ("mixed", "unchanged", 8, 0.35),
    "C8": ("mixed", "some", 8, 0.35), "R1": ("flat", "renamed", 1, 0.20),
    "B1": ("large", "first", 1, 0.60), "D1": ("large", "edits", 1, 0.60), "D8": ("large", "edits", 8, 0.35),
    "I1": ("large", "inserted", 1, 1.00), "M1": ("many", "first", 1, 0.60), "NM": ("many", "unchanged", 1, 0.50),
}  # fmt: skip


def makers(files, large_bytes, many_files):
    return {
        "mixed": lambda path: trees.make_tree(path, files, files * TOTAL_BYTES_PER_FILE),
        "flat": lambda path: trees.make_flat(path, files * 2 // 5),
        "large": lambda path: trees.make_large(path, large_bytes),
        "many": lambda path: trees.make_tree(path, many_files, 0, fan_out=200),
    }


def progress(place, row, tool, run):
    print(f"  {place.name} {row}: {tool} {run['seconds']:.2f} s", file=sys.stderr, flush=True)


def turned(tools, repeat):
    """Turned by one each time, so that no tool always runs first."""
    return tools[repeat % len(tools):] + tools[: repeat % len(tools)]


def run_row(place, row, tools, repeats):
    """tool -> what each of its runs took, in the order of the repeats."""
    _, kind, count, _ = ROWS[row]
    runs = {tool: [] for tool in tools}
    if kind == "unchanged":
        for tool in tools:
            place.bring_in_step(tool, count)
            place.run(tool, count)
    elif kind not in ("first", "pull"):
        for tool in tools:
            place.bring_in_step(tool, count)
    choose = random.Random(row)
    for repeat in range(repeats):
        if kind in CHANGES:
            CHANGES[kind](place.source, choose, repeat)
            place.note_change()
        for tool in turned(tools, repeat):
            if "--fsync" in tool and repeat > 0:
                continue
            if kind in ("first", "pull"):
                place.clear(tool)
            os.sync()  # what the run before left unwritten is not charged to this one
            runs[tool].append(place.run(tool, count, pull=kind == "pull"))
            progress(place, row, tool, runs[tool][-1])
            if kind != "unchanged":
                place.check(tool, count)
    if kind == "pull":
        place.clear(*tools)
    return runs


def change_some(source, choose, _):
    """One file of a hundred gets another content."""
    found = sorted(os.path.join(top, name) for top, _, names in os.walk(source) for name in names
                   if ".headwater" not in top)  # fmt: skip
    for path in choose.sample(found, max(1, len(found) // 100)):
        with open(path, "r+b") as file:
            file.write(choose.randbytes(16))


def edit(source, choose, _):
    """A thousand pages of each GiB are overwritten, at random."""
    path = os.path.join(source, "large")
    size = os.path.getsize(path)
    with open(path, "r+b") as file:
        for _ in range(max(1, size * 1000 >> 30)):
            file.seek(choose.randrange(size - EDIT_BYTES))
            file.write(choose.randbytes(EDIT_BYTES))


def insert(source, choose, _):
    path = os.path.join(source, "large")
    with open(path, "rb") as old, open(path + ".new", "wb") as new:
        new.write(choose.randbytes(800))
        shutil.copyfileobj(old, new, 1 << 20)
    os.rename(path + ".new", path)


def rename(source, _, repeat):
    old = next(entry.path for entry in os.scandir(source) if entry.name != ".headwater")
    os.rename(old, os.path.join(source, f"renamed{repeat}"))


CHANGES = {"some": change_some, "edits": edit, "inserted": insert, "renamed": rename}


def memory(place):
    """Peak resident bytes (orchestrator, agent) of a first push and of one more run."""
    place.clear("headwater")
    command = place.commands("headwater", 1)[0]
    directory = place.servers[0].directory
    return {run: machine.peak_memory(command, place.environment, directory) for run in ("first", "unchanged")}


def marginal(place, counts):
    """What the source does for so many targets at once: processor seconds of both tools, and calls and bytes of Headwater."""
    found = []
    for count in counts:
        point = {"targets": count}
        for tool in ("headwater", "rsync -a"):
            place.clear(tool)
            point[tool.split()[0]] = machine.source_seconds(
                place.commands(tool, count), place.environment, place.log)
        place.check("headwater", count)
        place.clear("headwater")
        calls = machine.traced(place.commands("headwater", count)[0], place.environment, place.work)
        point.update(calls or {})
        found.append(point)
        print(f"  {place.name} X: {point}", file=sys.stderr, flush=True)
    return found
