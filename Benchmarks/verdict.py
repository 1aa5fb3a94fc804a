"""What the figures of a row come to: medians, ratios pair by pair, and whether the targets are reached."""

import statistics

import growth

OURS = "headwater"


def summary(runs):
    """One dictionary a tool, ours first."""
    lines = []
    for name, found in runs.by_tool.items():
        seconds = [run["seconds"] for run in found]
        line = {
            "tool": name, "durable": runs.durable[name], "command": runs.commands.get(name),
            "median": statistics.median(seconds), "min": min(seconds), "max": max(seconds),
            "ratio": None if name == OURS else ratio(runs, name),
            "unfinished": sum(run["unfinished"] for run in found), "runs": found,
        }  # fmt: skip
        for key in ("near_cpu", "far_cpu", "bytes_sent", "payload", "rchar", "read_bytes", "near_peak", "far_peak"):
            known = [run[key] for run in found if run.get(key) is not None]
            if known:
                line[key] = max(known) if key.endswith("peak") else statistics.median(known)
        if line["unfinished"]:
            line["arrived"] = statistics.median(run.get("arrived", 0) for run in found)
        lines.append(line)
    return sorted(lines, key=lambda line: line["tool"] != OURS)


def ratio(runs, name, key="seconds"):
    """The median of ours / theirs, turn by turn."""
    theirs = {(run["turn"], run.get("targets")): run for run in runs.by_tool.get(name, [])}
    pairs = [
        (_figure(run, key), _figure(theirs[run["turn"], run.get("targets")], key))
        for run in runs.by_tool.get(OURS, [])
        if (run["turn"], run.get("targets")) in theirs and theirs[run["turn"], run.get("targets")].get(key)
    ]
    return statistics.median(a / b for a, b in pairs) if pairs else None


def _figure(run, key):
    """Of a run that was cut short: what the whole would have taken at its pace."""
    return run.get("whole", run["seconds"]) if key == "seconds" else run[key]


def judged(row, runs, floor=None):
    """Of every target of the row: what, the figure, what to reach, whether it is."""
    found = []
    ours = runs.by_tool[OURS]
    if row.bound is not None:
        rival, measured = rival_of(row, runs)
        if measured is not None:
            cut = any(run["unfinished"] for run in runs.by_tool[rival])
            ours_cut = any(run["unfinished"] for run in ours)
            allowed, why = row.bound, ""
            if floor:
                least = 1.2 * floor["sum"] / statistics.median(run["seconds"] for run in runs.by_tool[rival])
                if least > allowed:
                    allowed, why = least, f" (floor × 1.2; {row.bound:g} otherwise)"
            found.append(verdict(
                f"seconds, of those of {rival}", f"{measured:.3f}" + _cut_text(cut, ours_cut),
                f"≤ {allowed:.3g}{why}", measured <= allowed and not ours_cut
            ))  # fmt: skip
    for limit, bound in row.limits.items():
        found.append(_LIMITS[limit](row, runs, ours, bound))
    return [one for one in found if one]


def _cut_text(theirs, ours):
    if ours:
        return " (headwater was cut short)"
    return " (rsync was cut short: its time is reckoned from what had arrived)" if theirs else ""


def rival_of(row, runs):
    """The faster of the rsyncs that make nothing durable, and our ratio to it."""
    rivals = [name for name in ("rsync -a", "rsync -a -W") if name in runs.by_tool]
    known = [(name, ratio(runs, name)) for name in rivals]
    return max(known, key=lambda one: one[1] or 0, default=(None, None))


def verdict(what, value, target, reached):
    return {"what": what, "value": value, "target": target, "reached": bool(reached)}


def _peak(end):
    def judge(row, runs, ours, bound):
        peak = max(run.get(f"{end}_peak", 0) for run in ours)
        who = {"near": "source", "far": "agent"}[end]
        return peak and verdict(f"peak resident, {who}", f"{peak / 1e6:.0f} MB", f"≤ {bound / 1e6:.0f} MB", peak <= bound)

    return judge


def _sent_ratio(row, runs, ours, bound):
    value = ratio(runs, "rsync -a", "bytes_sent")
    return value and verdict("bytes sent, of those of rsync -a", f"{value:.2f}", f"≤ {bound:g}", value <= bound)


def _sent(row, runs, ours, bound):
    value = max(run["bytes_sent"] for run in ours)
    return verdict("bytes sent", f"{value / 1e6:.3f} MB", f"≤ {bound / 1e6:g} MB", value <= bound)


def _payload(row, runs, ours, bound):
    value = max(run["payload"] for run in ours)
    return verdict("payload", f"{value} bytes", f"≤ {bound} bytes", value <= bound)


def _reads(row, runs, ours, bound):
    """Read once, and what changed once more to send it."""
    value = max(run["rchar"] for run in ours) / runs.tree["bytes"]
    return verdict("bytes read by the source, of the file's", f"{value:.2f}", f"≤ {bound:g}", value <= bound)


_LIMITS = {
    "near_peak": _peak("near"), "far_peak": _peak("far"), "sent_ratio": _sent_ratio, "sent": _sent,
    "payload": _payload, "reads": _reads,
}  # fmt: skip


def curve(runs, tool, key):
    """(targets, median) of one figure."""
    found = {}
    for run in runs.by_tool.get(tool, []):
        found.setdefault(run["targets"], []).append(run[key])
    return [(count, statistics.median(values)) for count, values in sorted(found.items())]


def judged_growth(runs, extra):
    found = []
    reads, cpu = curve(runs, OURS, "rchar"), curve(runs, OURS, "near_cpu")
    most, least = cpu[-1][0], cpu[0][0]
    span = f"{least} → {most} targets"
    found.append(_flat(f"bytes read, {span}", reads[0][1], reads[-1][1]))
    calls = extra["calls"].get(OURS, {})
    for group in growth.CALLS if calls else ():
        found.append(_flat(f"calls of {group}, {span}", calls[str(least)][group], calls[str(most)][group]))
    each = (cpu[-1][1] - cpu[0][1]) / max(1, most - least)
    alone = extra["libssh2_cpu"]
    if alone:
        found.append(verdict(
            "processor seconds for one more target", f"{each:.3f}", f"≤ 1.3 × {alone:.3f} (libssh2 alone)",
            each <= 1.3 * alone
        ))  # fmt: skip
    return found


def _flat(what, first, last):
    grown = last / first - 1 if first else 0
    return verdict(what, f"{grown:+.1%} ({first:.0f} → {last:.0f})", "within ± 5 %", abs(grown) <= 0.05)
