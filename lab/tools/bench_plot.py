"""The plot of lab/bench: bars, as an SVG file that needs nothing else."""
from html import escape

LEFT, WIDTH, ROW = 190, 460, 26


def bar(name, value, place, scale):
    y = 44 + place * ROW
    colour = "#c2410c" if name.startswith("svs") else "#64748b"
    length = value * scale
    return (
        f'<text x="{LEFT - 8}" y="{y + 14}" text-anchor="end">{escape(name)}</text>'
        f'<rect x="{LEFT}" y="{y + 2}" width="{length:.1f}" height="{ROW - 8}" fill="{colour}"/>'
        f'<text x="{LEFT + length + 6:.1f}" y="{y + 14}">{value:.0f}</text>'
    )


def write(path, title, values, about):
    """Bars of the values that there are, by name."""
    shown = {name: value for name, value in values.items() if value}
    scale = WIDTH / max(shown.values(), default=1)
    height = 44 + len(shown) * ROW + 28
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 70} {height}" font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="12" y="24" font-size="15">{escape(title)}</text>',
        *(bar(name, value, place, scale) for place, (name, value) in enumerate(shown.items())),
        f'<text x="12" y="{height - 10}" font-size="11" fill="#475569">{escape(about)}</text>',
        "</svg>",
    ]
    with open(path, "w") as file:
        file.write("\n".join(lines) + "\n")
