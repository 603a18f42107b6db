"""The header of the Pi as an SVG drawing, for documents and for the door of the cabinet. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape

from edge.header import GROUND, PINS, POWER_3V3, POWER_5V, Use, name_of
from edge.languages import Language

ROW, RADIUS, TOP = 26, 10, 24
MIDDLE, GAP, NAMES = 380, 15, 32
"""In pixels: a row's height, a pin's radius, the margin; the middle of the header, half the distance of its two
columns, and where the pins' names begin on either side of the middle."""

USED = 118
"""Where the words of a used pin begin: past the longest name of a pin."""

_FILL = {GROUND: "#222222", POWER_3V3: "#e69f00", POWER_5V: "#d55e00"}
_FREE, _USED = "#dddddd", "#0072b2"  # Okabe and Ito's colours: told apart by everybody


def drawing(uses: list[Use], language: Language) -> str:
    """The whole file. Pin 1 is at the top left, as one looks at the board with the header at its right edge."""
    wide, high = 2 * MIDDLE, 2 * TOP + 20 * ROW
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}"'
        ' font-family="sans-serif" font-size="13">',
        f'<rect width="{wide}" height="{high}" fill="#ffffff"/>',
        f'<rect x="{MIDDLE - 30}" y="{TOP - 4}" width="60" height="{20 * ROW + 8}" rx="6" fill="#f4f4f4"'
        ' stroke="#999999"/>',
        *_pins({use.pin: use for use in uses}, language),
        "</svg>",
        "",
    ])  # fmt: skip


def _pins(at: dict[int, Use], language: Language) -> Iterator[str]:
    for pin, on in enumerate(PINS, 1):
        side = 1 if pin % 2 == 0 else -1
        x, y = MIDDLE + side * GAP, TOP + ((pin - 1) // 2) * ROW + ROW // 2
        use = at.get(pin)
        fill = _FILL.get(str(on), _FREE if use is None else _USED)
        number = "#000000" if fill == _FREE else "#ffffff"
        shape = f'<rect x="{x - RADIUS}" y="{y - RADIUS}" width="{2 * RADIUS}" height="{2 * RADIUS}"' if pin == 1 else (
            f'<circle cx="{x}" cy="{y}" r="{RADIUS}"')  # fmt: skip
        yield f'{shape} fill="{fill}"/>'
        yield f'<text x="{x}" y="{y + 4}" fill="{number}" font-size="10" text-anchor="middle">{pin}</text>'
        anchor = "start" if side == 1 else "end"
        yield _words(MIDDLE + side * (NAMES + 4), y, anchor, name_of(pin), "#444444", "normal")
        if use is not None:
            from_x, to_x = MIDDLE + side * (USED - 6), MIDDLE + side * (USED + 14)
            yield f'<line x1="{from_x}" y1="{y}" x2="{to_x}" y2="{y}" stroke="{_USED}" stroke-width="3"/>'
            yield _words(MIDDLE + side * (USED + 20), y, anchor, use.title.of(language), "#000000", "bold")


def _words(x: int, y: int, anchor: str, text: str, colour: str, weight: str) -> str:
    return (
        f'<text x="{x}" y="{y + 5}" text-anchor="{anchor}" fill="{colour}" font-weight="{weight}">{escape(text)}</text>'
    )
