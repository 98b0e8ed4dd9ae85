"""Plots as SVG, by hand: horizontal bars that say their values, readable on light and dark pages."""
from html import escape

import tables

WIDTH, LEFT, BAR, GAP, TOP = 760, 190, 20, 8, 52
COLORS = {"floor": "#8a8f98", "downlink": "#1f7ae0", "other": "#c77d1a"}
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 15px; font-weight: 600 }
  .note { font-size: 11px; fill: #59636e }
  @media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .note { fill: #9198a1 } }
"""


def color(name):
    return COLORS.get(name) or COLORS["downlink" if name.startswith("downlink") else "other"]


def bars(title, unit, rows, note=""):
    """`rows`: (name, value). The longest bar leaves room for its own number."""
    height = TOP + len(rows) * (BAR + GAP) + 16
    longest = max(value for _, value in rows) or 1
    scale = (WIDTH - LEFT - 130) / longest
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
           f'aria-label="{escape(title)}">', f"<style>{STYLE}</style>",
           f'<text class="title" x="0" y="18">{escape(title)}</text>',
           f'<text class="note" x="0" y="36">{escape(unit)}{escape(note)}; less is better</text>']
    for place, (name, value) in enumerate(rows):
        y = TOP + place * (BAR + GAP)
        width = max(value * scale, 1)
        out += [f'<text x="{LEFT - 10}" y="{y + 15}" text-anchor="end">{escape(name)}</text>',
                f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" rx="2" fill="{color(name)}"/>',
                f'<text x="{LEFT + width + 8:.1f}" y="{y + 15}">{tables.number(value)}</text>']
    return "\n".join([*out, "</svg>"]) + "\n"


def lines(title, unit, across, series):
    """Lines over a few steps: `across` are the steps' names, `series` is name -> values (None where there is none)."""
    height, bottom, right = 300, 250, WIDTH - 150
    highest = max(value for values in series.values() for value in values if value is not None) * 1.1 or 1
    x = [LEFT / 3 + place * (right - LEFT / 3) / max(len(across) - 1, 1) for place in range(len(across))]
    at = lambda value: bottom - value / highest * (bottom - TOP)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
           f'aria-label="{escape(title)}">', f"<style>{STYLE}</style>",
           f'<text class="title" x="0" y="18">{escape(title)}</text>',
           f'<text class="note" x="0" y="36">{escape(unit)}; less is better</text>']
    for step in range(5):
        value = highest * step / 4
        out += [f'<line x1="{x[0]:.1f}" x2="{right:.1f}" y1="{at(value):.1f}" y2="{at(value):.1f}" stroke="#8a8f98" '
                'stroke-opacity="0.3"/>',
                f'<text class="note" x="{x[0] - 8:.1f}" y="{at(value) + 4:.1f}" text-anchor="end">{tables.number(value)}</text>']
    out += [f'<text class="note" x="{place:.1f}" y="{bottom + 20}" text-anchor="middle">{escape(name)}</text>'
            for place, name in zip(x, across)]
    for name, values in series.items():
        points = [(place, at(value)) for place, value in zip(x, values) if value is not None]
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
        out += [f'<polyline points="{path}" fill="none" stroke="{color(name)}" stroke-width="2"/>',
                *(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3" fill="{color(name)}"/>' for px, py in points),
                f'<text x="{points[-1][0] + 10:.1f}" y="{points[-1][1] + 4:.1f}">{escape(name)}</text>']
    return "\n".join([*out, "</svg>"]) + "\n"


def write(results, cases, directory):
    """A plot for each measure that at least two servers have."""
    for case in cases:
        found = [(server, tables.median(results, server, case)[0]) for server in results["settings"]]
        rows = [(name, value) for name, value in found if value is not None]
        if len(rows) > 1:
            unit = {"µs": "microseconds"}.get(case.unit, case.unit)
            (directory / f"{case.name}.svg").write_text(bars(case.title, unit, rows, ", 128-byte messages"))
