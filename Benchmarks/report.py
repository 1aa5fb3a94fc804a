"""What is written of a run of the suite: a report for people, all figures for programs, a picture."""

import json
import os

import drawing

PICTURE = "growth.svg"


def text(document):
    facts = document["machine"]
    lines = [
        "# Headwater beside rsync", "",
        f"{document['date']}, {facts['cpu']}, {facts['cores']} cores, {facts['memory_gib']} GiB, {facts['system']}, "
        f"Linux {facts['kernel']}. Both ends of all connections share these cores: ratios count, seconds do not.", "",
        *_state(document), *_targets(document), *_figures(document), *_growth(document), *_notes(document),
        *_terms(), *_versions(document),
    ]  # fmt: skip
    return "\n".join(lines)


def _state(document):
    if document["state"] == "complete":
        return []
    done = ", ".join(f"{row['row']} ({row['place']})" for row in document["rows"]) or "no row"
    return [f"**This run is not complete** ({document['state']}): it has {done}.", ""]


def _targets(document):
    lines = ["## Targets", "", "| row | what | where | measured | target | |", "|---|---|---|---|---|---|"]
    for row in document["rows"]:
        head = f"| {row['row']} | {row['title']} | {row['place']} |"
        if row["status"] != "measured":
            lines.append(f"{head} {row['status']}: {_cell(row['reason'])} | {row['target']} | |")
        for one in row["judged"]:
            reached = "reached" if one["reached"] else "**missed**"
            lines.append(f"{head} {one['what']}: {one['value']} | {one['target']} | {reached} |")
    return [*lines, ""]


def _figures(document):
    lines = [
        "## Figures", "",
        "| row | where | tool | median s | min–max | headwater / it | processor s, near + far | sent MB | "
        "peak MB, near / far | durable |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for row in document["rows"]:
        if row["row"] == "X":
            continue
        for line in row["tools"]:
            lines.append(f"| {row['row']} | {row['place']} | " + " | ".join(_figure_cells(line)) + " |")
    return [*lines, ""]


def _figure_cells(line):
    more = "> " if line["unfinished"] else ""
    median = f"{more}{line['median']:.2f}"
    if line["unfinished"]:
        median += f" (cut short: {line['unfinished']} of {len(line['runs'])}; {line['arrived'] / 1e6:.0f} MB arrived)"
    ratio = "" if line["ratio"] is None else ("≈ " if line["unfinished"] else "") + f"{line['ratio']:.2f}"
    cpu = f"{line['near_cpu']:.2f}" + (f" + {line['far_cpu']:.2f}" if "far_cpu" in line else "")
    sent = f"{line['bytes_sent'] / 1e6:.2f}" if "bytes_sent" in line else ""
    peak = " / ".join(f"{line[end] / 1e6:.0f}" if line.get(end) else "–" for end in ("near_peak", "far_peak"))
    spread = f"{line['min']:.2f}–{line['max']:.2f}"
    return [line["tool"], median, spread, ratio, cpu, sent, peak, line["durable"].split(":")[0]]


def _growth(document):
    row = next((row for row in document["rows"] if row.get("curves")), None)
    if not row:
        return []
    lines = [
        "## What one more target costs the source", "", f"![processor seconds and bytes read]({PICTURE})", "",
        "| tool | targets | processor s | MB read | seconds | open | read | stat | getdents |",
        "|---|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for tool, curves in row["curves"].items():
        for (count, cpu), (_, read), (_, seconds) in zip(curves["near_cpu"], curves["rchar"], curves["seconds"]):
            calls = row["calls"].get(tool, {}).get(str(count), {})
            counts = [str(calls.get(group, "")) for group in ("open", "read", "stat", "getdents")]
            lines.append(f"| {tool} | {count} | {cpu:.2f} | {read / 1e6:.1f} | {seconds:.2f} | {' | '.join(counts)} |")
    return [*lines, ""]


def _notes(document):
    lines = ["## Notes", ""]
    for row in document["rows"]:
        tree = row["tree"]
        facts = []
        if tree:
            packed = f", zstd -1 makes it {tree['zstd_1']} times smaller" if tree.get("zstd_1") else ""
            facts = [f"{tree['files']} files, {tree['bytes'] / 1e6:.1f} MB{packed}"]
        text = "; ".join([*facts, *map(_cell, row["notes"]), f"{row['took']:.0f} s in all"])
        lines.append(f"- {row['row']}, {row['place']}: {text}.")
    return [*lines, ""]


def _terms():
    return [
        "## How to read this", "",
        "- A ratio is the median of the ratios of runs made one right after the other; below 1 Headwater is faster. "
        "Targets hold against the faster of `rsync -a` and `rsync -a -W`.",
        "- Trees are compared (path, kind, mode, time in ns, size, SHA-256, link target) before a run counts.",
        "- Near is where the tool was started, far is everything below the SSH servers. For `rsync` near holds its "
        "`ssh`. Bytes read are `rchar` of `/proc/PID/io`: for `rsync` with what its `ssh` reads from it.",
        "- Bytes sent are what each tool says, before SSH: the sum over all targets.",
        "- Durable: whether what was written was synced before the tool ended. On tmpfs nothing is durable for any.",
        "- `cp -a`, `tar`, the C walk keep nothing in step; they show what a machine can do at most.",
        "- The agent was deployed before the clock ran, as rsync was installed. Nothing was resident in between.", "",
    ]  # fmt: skip


def _versions(document):
    facts = document["machine"]
    lines = ["## Versions and commands", "", "```", *facts["headwater"]]
    lines += [facts[key] for key in ("rsync", "ssh", "tar", "cp", "unison") if facts.get(key)]
    for place, kind in document["places"].items():
        lines.append(f"{place}: {kind}")
    lines += ["```", "", "```"]
    seen = set()
    for row in document["rows"]:
        for line in row["tools"]:
            if line["command"] and (line["tool"], row["over_link"]) not in seen:
                seen.add((line["tool"], row["over_link"]))
                lines += [f"# {line['tool']} ({row['row']}, {row['place']})", line["command"]]
    return [*lines, "```", ""]


def _cell(text):
    return " ".join(str(text).replace("|", "/").split())[:600]


def write(document, directory):
    """All three; each is whole at every moment."""
    os.makedirs(directory, exist_ok=True)
    _replace(f"{directory}/RESULTS.md", text(document))
    _replace(f"{directory}/results.json", json.dumps(document, indent=1) + "\n")
    row = next((row for row in document["rows"] if row.get("curves")), None)
    if row:
        panels = []
        for title, unit, key, scale in (
            ("Processor time of the source", "seconds", "near_cpu", 1),
            ("Read by the source", "MB", "rchar", 1e-6),
        ):
            curves = {
                tool: [(count, value * scale) for count, value in found[key]] for tool, found in row["curves"].items()
            }
            panels.append((title, unit, curves))
        caption = f"First push of {row['tree']['files']} files, {row['tree']['bytes'] / 1e6:.0f} MB, {document['date']}"
        _replace(f"{directory}/{PICTURE}", drawing.picture(panels, caption))


def _replace(path, content):
    with open(f"{path}.new", "w") as file:
        file.write(content)
    os.rename(f"{path}.new", path)
