"""The picture of what the source pays by number of targets, as an SVG written by hand."""

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 430, 300, 62, 46, 18, 46
COLOURS = ("#1666b0", "#c2410c", "#4d7c0f")


def picture(panels, caption):
    """`panels`: (title, unit, {tool: [(targets, value)]}), drawn side by side."""
    width = WIDTH * len(panels)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT + 30}" width="{width}" '
        f'height="{HEIGHT + 30}" font-family="sans-serif" font-size="12" role="img" aria-label="{caption}">',
        f"<title>{caption}</title>",
        f'<rect width="{width}" height="{HEIGHT + 30}" fill="#ffffff"/>',
    ]
    for index, panel in enumerate(panels):
        parts.append(f'<g transform="translate({index * WIDTH} 0)">' + "".join(_panel(*panel)) + "</g>")
    parts.append(f'<text x="{LEFT}" y="{HEIGHT + 18}" fill="#555555">{caption}</text></svg>')
    return "\n".join(parts) + "\n"


def _panel(title, unit, curves):
    points = [point for curve in curves.values() for point in curve]
    most = max([count for count, _ in points] + [1])
    step, top = _steps(max([value for _, value in points] + [1e-9]))
    across, up = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def at(count, value):
        return LEFT + across * count / most, TOP + up * (1 - value / top)

    yield f'<text x="{LEFT}" y="20" font-size="14" font-weight="bold">{title}</text>'
    yield f'<text x="{LEFT}" y="37" fill="#555555">{unit}</text>'
    for number in range(round(top / step) + 1):
        x, y = at(0, number * step)
        yield f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#dddddd"/>'
        yield f'<text x="{x - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">{number * step:g}</text>'
    for count in sorted({count for count, _ in points}):
        x, y = at(count, 0)
        yield f'<text x="{x:.1f}" y="{y + 18:.1f}" text-anchor="middle">{count}</text>'
    yield f'<text x="{LEFT + across / 2}" y="{HEIGHT - 8}" text-anchor="middle" fill="#555555">targets</text>'
    for number, (tool, curve) in enumerate(curves.items()):
        yield from _curve(tool, [at(*point) for point in curve], COLOURS[number % len(COLOURS)], number)


def _curve(tool, points, colour, number):
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    yield f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>'
    for x, y in points:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
    y = TOP + 14 + 16 * number
    yield f'<rect x="{LEFT + 10}" y="{y - 9}" width="10" height="10" fill="{colour}"/>'
    yield f'<text x="{LEFT + 26}" y="{y}">{tool}</text>'


def _steps(most):
    """The distance of lines, and the topmost: at most six lines, at 1, 2 or 5 times a power of ten."""
    step = 1e-9
    while True:
        for factor in (1, 2, 5):
            if most <= 5 * step * factor:
                step *= factor
                count = -(-most // step)
                return step, step * count
        step *= 10
