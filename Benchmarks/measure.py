"""How a row is measured: the tools right after each other, turn by turn, on the same trees."""

import contextlib
import sys

import link
import machine
import mutate
import rows
import stopping
import tools
import trees

OURS = tools.Headwater()
TREE_MAKERS = {
    "files": lambda sizes: (trees.make_tree, sizes.files, sizes.files * 14_380),
    "far": lambda sizes: (trees.make_tree, sizes.far, sizes.far * 14_600),
    "tiny": lambda sizes: (trees.make_tiny, sizes.many),
    "noise": lambda sizes: (trees.make_noise, sizes.noise),
    "renamed": lambda sizes: (trees.make_renamed, sizes.renamed, sizes.renamed * 14_380),
}
CHANGES = {
    "files": lambda source, turn, sizes: mutate.change_files(source, turn, sizes.changed),
    "edits": lambda source, turn, sizes: mutate.edit_noise(source, turn, rows.edits(sizes.noise)),
    "insert": lambda source, turn, sizes: mutate.insert_at_front(source, turn),
    "rename": lambda source, turn, sizes: mutate.rename_directory(source, turn),
}


class Runs:
    """All runs of one row in one place: by tool, in the order of turns."""

    def __init__(self, row, place):
        self.label, self.by_tool, self.notes, self.commands, self.durable = f"{row.name} {place.name}", {}, [], {}, {}
        self.tree = {}

    def add(self, tool, turn, run):
        self.by_tool.setdefault(tool.name, []).append({"turn": turn, **run})
        self.durable[tool.name] = tool.durable
        end = " (ended unfinished)" if run["unfinished"] else ""
        progress(f"{self.label} {tool.name}: {run['seconds']:.2f} s{end}")


def progress(text):
    print(f"  {text}", file=sys.stderr, flush=True)


def chosen_tools(row, place, quick):
    """The tools, and in how many turns those take part that cost long and say little."""
    found, turns = [OURS, tools.Rsync("-a")], {}
    if row.kind == "first" and not row.link and not (quick and row.targets > 1):
        found.append(tools.Rsync("-a", "-W"))
        if row.tree == "tiny":
            turns[found[-1]] = 1
    if place.name != "tmpfs" and row.kind in ("first", "changed"):
        fsync = tools.Rsync("-a", "--fsync")
        found.append(fsync)
        if row.tree != "noise":
            turns[fsync] = 1  # one sync for each file takes minutes
    if not quick:
        for ceiling in ceilings(row, place):
            found.append(ceiling)
            turns[ceiling] = 3
    return found, turns


def ceilings(row, place):
    for name in row.ceilings:
        if name == "cp":
            yield tools.Copy()
        elif name == "tar":
            yield tools.TarOverSSH()
        elif name == "walk":
            with contextlib.suppress(stopping.Skipped):
                yield tools.Walk(place.natives.compiled("ceilings/walk.c"))
        elif name == "unison" and place.natives.unison():
            yield tools.Unison(place.natives.unison())


def room_needed(row, sizes, tool_count):
    """Bytes of the source and of all targets that exist at once."""
    each = {
        "files": sizes.files * 18_000, "far": sizes.far * 18_000, "tiny": sizes.many * 5_200,
        "noise": sizes.noise, "renamed": sizes.renamed * 18_000,
    }[row.tree]  # fmt: skip
    sets = tool_count if row.kind == "changed" else 1
    if row.tree == "noise" and row.kind == "changed":
        sets += 1  # a changed file is put together beside the old one
    return int(each * (1 + row.targets * sets) * 1.05) + (1 << 28)


def fitted(row, sizes, place, tool_count, runs):
    """Sizes that the place has room for; only the large file is made smaller, and it is said."""
    asked = sizes.noise
    while row.tree == "noise" and sizes.noise > 64 << 20:
        if room_needed(row, sizes, tool_count) <= machine.room(place.work):
            break
        sizes = rows.Sizes(**{**vars(sizes), "noise": sizes.noise // 2})
    if sizes.noise != asked:
        runs.notes.append(
            f"the file has {sizes.noise >> 20} MiB, not {asked >> 20}: {row.targets} targets of {tool_count} tools have "
            "no room for more"
        )
    return sizes


def measure(row, place, sizes, repeats, quick, runs):
    found, turns = chosen_tools(row, place, quick)
    for name in [name for name in place.trees if row.kind == "changed" or name != row.tree or row.tree == "noise"]:
        place.drop(name)
    place.clear()
    sizes = fitted(row, sizes, place, len(found), runs)
    place.needs_room(room_needed(row, sizes, len(found)))
    place.start_servers(row.targets)
    maker, *arguments = TREE_MAKERS[row.tree](sizes)
    size = place.make(row.tree, maker, *arguments)
    count = {"noise": 1, "tiny": sizes.many, "renamed": sizes.renamed + 1, "far": sizes.far}.get(row.tree, sizes.files)
    runs.tree = {"files": count, "bytes": size}
    if not quick:
        runs.tree["zstd_1"] = place.zstd_ratio(row.tree)
    runs.commands = {tool.name: place.shown(tool, place.layout(tool, row.tree, 1, row.pulls)) for tool in found}
    if row.kind == "first":
        first_pushes(row, place, found, turns, repeats, runs, sizes.limit if row.link else 1800)
    elif row.kind == "unchanged":
        unchanged(row, place, found, turns, repeats, runs)
    else:
        changed(row, place, found, turns, repeats, runs, sizes)
    place.clear()


def turned(found, turn, turns):
    """Turned by one each time, so that no tool always runs first."""
    found = [tool for tool in found if turn < turns.get(tool, turn + 1)]
    return found[turn % len(found):] + found[: turn % len(found)]


def first_pushes(row, place, found, turns, repeats, runs, limit):
    for turn in range(repeats):
        for tool in turned(found, turn, turns):
            place.clear()
            with noted(tool, runs, turns):
                layout = place.layout(tool, row.tree, row.targets, row.pulls)
                run = place.run(tool, layout, limit)
                if run["unfinished"]:
                    run["arrived"] = arrived(layout)
                    # What the whole would take at the pace so far.
                    run["whole"] = run["seconds"] * runs.tree["bytes"] / max(1, run["arrived"])
                else:
                    place.check(tool, layout, row.tree)
                runs.add(tool, turn, run)
    place.clear()


@contextlib.contextmanager
def noted(tool, runs, turns):
    """A ceiling that fails does not take the row with it; it has no further turn."""
    try:
        yield
    except stopping.Failed as failure:
        if not tool.is_ceiling:
            raise
        turns[tool] = 0
        runs.by_tool.pop(tool.name, None)
        runs.notes.append(f"without {tool.name}: {failure}")


def arrived(layout):
    """Bytes of content at the targets."""
    return sum(tools.disk_bytes(target) for target in layout.targets)


def unchanged(row, place, found, turns, repeats, runs):
    """All tools find the same targets, which Headwater has brought in step. The first turn is for the caches."""
    layout = place.layout(OURS, row.tree, row.targets)
    with plain(place):
        place.run(OURS, layout)
        place.check(OURS, layout, row.tree)
    counted = []
    for turn in range(-1, repeats):
        for tool in turned(found, turn + 1, turns):
            with noted(tool, runs, turns):
                run = place.run(tool, layout)
                if turn >= 0:
                    counted.append((tool, turn, run))
    place.check(OURS, layout, row.tree)
    for tool, turn, run in counted:
        runs.add(tool, turn, run)


def changed(row, place, found, turns, repeats, runs, sizes):
    """Each tool has targets of its own, which stay in step from turn to turn."""
    for tool in found:
        layout = place.layout(tool, row.tree, row.targets)
        quickly = tools.Rsync("-a") if tool.key.startswith("rsync") else tool
        place.run(quickly, layout)
        place.check(tool, layout, row.tree)
    for turn in range(repeats):
        CHANGES[row.change](place.source(row.tree), turn + 1, sizes)
        place.changed(row.tree)
        for tool in turned(found, turn, turns):
            layout = place.layout(tool, row.tree, row.targets)
            run = place.run(tool, layout)
            place.check(tool, layout, row.tree)
            runs.add(tool, turn, run)


@contextlib.contextmanager
def plain(place):
    """What is only prepared does not wait for the long way."""
    far = getattr(place, "link", None)
    if far:
        far.shape(False)
    yield
    if far:
        far.shape()


def over_link(row, place, sizes, repeats, quick, runs):
    """`place` is there for this row only: its servers live at the far end of the link."""
    far = link.Link(place.natives, place.work, **row.link, seed=len(row.name) + ord(row.name[-1]))
    place.link = far
    place.stack.callback(far.close)
    place.stack.callback(place.servers.stop)  # before its namespace goes
    place.prefix = far.prefix(0)
    place.start_servers(row.targets, link.FAR, far.prefix(1))
    far.shape()
    trip = far.round_trip()
    runs.notes.append(
        f"link: {row.link['round_trip'] * 1000:.0f} ms round trip"
        + (f" (measured {trip * 1000:.0f} ms)" if trip else "")
        + f", {link.BITS_PER_SECOND / 1e6:.0f} Mbit/s, {row.link['loss']:.0%} of the packets lost each way, "
        f"{far.congestion}"
    )
    if row.link["congestion"] and far.congestion != row.link["congestion"]:
        runs.notes.append(f"this kernel has no {row.link['congestion']}: {far.congestion} stands in for it")
    measure(row, place, sizes, repeats, quick, runs)
