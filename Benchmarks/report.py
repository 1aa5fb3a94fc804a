"""What was measured, as a table for people, a picture, and JSON."""

import json
import os
import statistics

import machine
import rows


def summarise(row, place, runs):
    """One line per tool; ratios are of runs made one right after the other."""
    lines = []
    for tool, measured in runs.items():
        if not measured:
            continue
        seconds = [run["seconds"] for run in measured]
        ratios = [ours["seconds"] / theirs["seconds"] for ours, theirs in zip(runs["headwater"], measured)]
        lines.append({
            "row": row, "place": place, "tool": tool, "seconds": [round(value, 3) for value in seconds],
            "median": round(statistics.median(seconds), 3), "min": round(min(seconds), 3), "max": round(max(seconds), 3),
            "processor": round(statistics.median(run["processor"] for run in measured), 2),
            "sent": int(statistics.median(run["sent"] for run in measured)),
            "received": int(statistics.median(run["received"] for run in measured)),
            "ratio": None if tool == "headwater" else round(statistics.median(ratios), 3),
            "ratios": None if tool == "headwater" else [round(ratio, 3) for ratio in ratios],
        })  # fmt: skip
    return lines


def table(results):
    lines = ["| row | where | tool | median s | min to max | processor s | MB sent | headwater / it | to reach |",
             "|---|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for line in results:
        ratio, goal = "", ""
        if line["ratio"] is not None:
            ratio = f"{line['ratio']:.2f}"
            if line["tool"] == "rsync -a":
                reached = rows.ROWS[line["row"]][3]
                goal = f"{reached:.2f}: {'yes' if line['ratio'] <= reached else 'no'}"
        lines.append(
            f"| {line['row']} | {line['place']} | {line['tool']} | {line['median']:.2f} | "
            f"{line['min']:.2f} to {line['max']:.2f} | {line['processor']:.1f} | {line['sent'] / 1e6:.2f} | {ratio} | "
            f"{goal} |"
        )
    return "\n".join(lines)


MEANINGS = """\
F1, F8: first push to 1 and to 8 targets at once; P1: the same as a pull from one. N1, N8: nothing changed. C8: one file of a hundred
changed. R1: a directory of {flat} files renamed. B1: one file of {large:.0f} MB of random bytes, the first time; D1, D8: a thousand pages of
each GiB of it overwritten; I1: 800 bytes inserted at its front. M1, NM: first push of {many} small files, and nothing changed. All others:
{files} files, {bytes:.0f} MB, half of them text. The last but one column is the median of the ratios of runs made one right after the other;
below 1 Headwater is faster."""


def report(document):
    facts = document["machine"]
    lines = [
        "# Headwater beside rsync", "",
        f"{document['date']}, {facts['cpu']}, {facts['cores']} cores, {facts['memory_gib']} GiB, {facts['system']}, "
        f"Linux {facts['kernel']}. All ends of all connections share these cores: ratios count, seconds do not. "
        f"{document['repeats']} runs of each tool, in turns.", "",
        table(document["results"]), "", MEANINGS.format(**document["sizes"]), "",
        "After each run that changes something the trees were compared (kinds, modes, times in ns, sizes, link targets, SHA-256) "
        "before it counted.", "",
        "Durability: Headwater makes every file durable before it publishes it; `rsync` leaves that to the page "
        "cache, but for `rsync … --fsync`. On tmpfs nothing is durable for either.", "",
        "The agent was deployed before the clock ran, as rsync was installed. No process was resident in between.", "",
    ]  # fmt: skip
    lines += [f"Not measured: {failure}\n" for failure in document["failures"]]
    if document["memory"]:
        lines += [f"Memory, {document['sizes']['many']} small files, 1 target (peak resident, MB):", "",
                  "| run | orchestrator | agent |", "|---|---|---|"]  # fmt: skip
        lines += [f"| {run} | {a / 1e6:.0f} | {b / 1e6:.0f} |" for run, (a, b) in document["memory"].items()]
        lines.append("")
    if document["marginal"]:
        lines += marginal_table(document["marginal"])
    lines += ["Versions:", "", "```", *facts["headwater"], facts["rsync"], facts["ssh"], "```", "", "Commands:", "", "```"]
    lines += document["commands"] + ["```", ""]
    return "\n".join(lines)


def marginal_table(points):
    lines = ["## X: what one more target costs the source", "", "![](cost.svg)", "",
             "A first push to so many targets at once. Processor seconds of the source alone, SSH included; calls and bytes read are "
             "Headwater's.", "",
             "| targets | headwater s | rsync s | MB read | " + " | ".join(machine.TRACED) + " |",
             "|---|---|---|---|" + "---|" * len(machine.TRACED)]  # fmt: skip
    for point in points:
        read = f"{point['bytes_read'] / 1e6:.1f}" if "bytes_read" in point else ""
        calls = " | ".join(str(point.get(call, "")) for call in machine.TRACED)
        lines.append(f"| {point['targets']} | {point['headwater']} | {point['rsync']} | {read} | {calls} |")
    return lines + [""]


def picture(points):
    """Processor seconds of the source against the number of targets, both tools, from zero."""
    width, height, left, bottom = 640, 360, 60, 40
    most = max(max(point["headwater"], point["rsync"]) for point in points)
    last = max(point["targets"] for point in points)

    def at(targets, seconds):
        x = left + (width - left - 20) * targets / last
        return f"{x:.1f},{height - bottom - (height - bottom - 20) * seconds / most:.1f}"

    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
             f'<rect width="{width}" height="{height}" fill="white"/>',
             f'<path d="M{left} 20 V{height - bottom} H{width - 20}" fill="none" stroke="#555"/>']  # fmt: skip
    for point in points:
        x = at(point["targets"], 0).split(",")[0]
        lines.append(f'<text x="{x}" y="{height - bottom + 16}" text-anchor="middle">{point["targets"]}</text>')
    for part in (0, 0.5, 1):
        y = at(0, most * part).split(",")[1]
        lines.append(f'<text x="{left - 6}" y="{y}" text-anchor="end">{most * part:.1f}</text>')
    for tool, colour in (("rsync", "#c0504d"), ("headwater", "#1f6fb4")):
        dots = " ".join(at(point["targets"], point[tool]) for point in points)
        lines.append(f'<polyline points="{dots}" fill="none" stroke="{colour}" stroke-width="2"/>')
        x, y = at(points[-1]["targets"], points[-1][tool]).split(",")
        lines.append(f'<text x="{x}" y="{float(y) - 8:.1f}" text-anchor="end" fill="{colour}">{tool}</text>')
    lines.append(f'<text x="{width / 2}" y="{height - 6}" text-anchor="middle">targets</text>')
    lines.append('<text x="8" y="14">processor seconds of the source</text></svg>')
    return "\n".join(lines) + "\n"


def write(document):
    directory = os.path.join(machine.ROOT, "Benchmarks")
    files = {"RESULTS.md": report(document), "results.json": json.dumps(document, indent=1) + "\n"}
    if document["marginal"]:
        files["cost.svg"] = picture(document["marginal"])
    for name, text in files.items():
        with open(os.path.join(directory, name), "w") as file:
            file.write(text)
