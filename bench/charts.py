"""Charts as SVG, for bench/report.py."""

from html import escape

COLOURS = ["#3465a4", "#75a3d1", "#204a73", "#8f8f8f", "#cc6d1f", "#a33a3a", "#5b8a3c", "#7d5ba6"]
WIDTH, HEIGHT, LEFT, TOP, BOTTOM, RIGHT = 860, 320, 50, 40, 40, 130


def frame(title, most, names, body, legend):
    """The axes and names around what is drawn."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="11">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="20" font-size="14">{escape(title)}</text>',
    ]
    for step in range(5):
        value = most * step / 4
        y = height_of(value, most)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" '
                     'stroke="#dddddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:.3g}</text>')
    for index, name in enumerate(names):
        x = LEFT + (index + 0.5) * (WIDTH - LEFT - RIGHT) / len(names)
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">'
                     f'{escape(name)}</text>')
    parts += body
    for index, (name, colour) in enumerate(legend):
        y = TOP + 11 * index
        parts.append(f'<rect x="{WIDTH - RIGHT + 10}" y="{y}" width="8" height="8" '
                     f'fill="{colour}"/>')
        parts.append(f'<text x="{WIDTH - RIGHT + 22}" y="{y + 8}" font-size="9">'
                     f'{escape(name)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def height_of(value, most):
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(value / most, 1)


def bars(path, title, names, series):
    """Groups of bars: for each name one of each series."""
    most = max((value or 0 for values in series.values() for value in values), default=0) or 1
    group = (WIDTH - LEFT - RIGHT) / len(names)
    width = group * 0.8 / len(series)
    body = []
    for number, values in enumerate(series.values()):
        for index, value in enumerate(values):
            if value:
                x = LEFT + group * (index + 0.1) + width * number
                y = height_of(value, most)
                body.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
                            f'height="{HEIGHT - BOTTOM - y:.1f}" fill="{COLOURS[number]}"/>')
    path.write_text(frame(title, most, names, body, list(zip(series, COLOURS))))


def lines(path, title, names, series):
    """A line for each series, over the names."""
    values = sorted(value for line in series.values() for value in line if value)
    # What is far beyond the rest would press it flat.
    most = values[int(len(values) * 0.98) - 1] * 1.05 if values else 1
    step = (WIDTH - LEFT - RIGHT) / len(names)
    body, legend = [], []
    for number, (name, line) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        points = " ".join(f"{LEFT + step * (index + 0.5):.1f},{height_of(value, most):.1f}"
                          for index, value in enumerate(line) if value)
        body.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        legend.append((name, colour))
    path.write_text(frame(title, most, names, body, legend))
