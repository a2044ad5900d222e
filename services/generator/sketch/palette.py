"""Colours: what they are called, how they are mixed, and sets of them that go together."""

from __future__ import annotations

import colorsys

Colour = tuple[int, int, int]

WHITE: Colour = (250, 249, 245)
INK: Colour = (38, 36, 48)

# Softer than the pure colours, so that any two of them can stand side by side.
NAMED: dict[str, Colour] = {
    "red": (214, 58, 62),
    "scarlet": (214, 46, 48),
    "crimson": (170, 30, 58),
    "maroon": (122, 36, 48),
    "orange": (238, 138, 48),
    "yellow": (246, 205, 70),
    "gold": (222, 172, 60),
    "golden": (222, 172, 60),
    "green": (72, 160, 92),
    "lime": (158, 206, 64),
    "olive": (128, 132, 60),
    "teal": (38, 142, 146),
    "turquoise": (64, 190, 186),
    "cyan": (80, 200, 220),
    "blue": (62, 112, 200),
    "navy": (38, 54, 108),
    "indigo": (76, 66, 158),
    "purple": (134, 80, 172),
    "violet": (146, 92, 196),
    "lavender": (186, 168, 224),
    "lilac": (200, 168, 216),
    "magenta": (206, 62, 148),
    "pink": (242, 150, 180),
    "brown": (132, 88, 58),
    "beige": (224, 206, 172),
    "cream": (246, 236, 208),
    "black": (48, 46, 56),
    "white": (246, 245, 242),
    "grey": (142, 146, 154),
    "gray": (142, 146, 154),
    "silver": (192, 198, 208),
}
SHADES = ("dark", "light", "pale", "bright", "deep")

# Sky, far, middle, near, accent: for pictures that no word decides.
HARMONIES: tuple[tuple[Colour, Colour, Colour, Colour, Colour], ...] = (
    ((250, 226, 190), (226, 150, 120), (150, 86, 110), (74, 52, 92), (246, 196, 98)),
    ((206, 232, 240), (128, 178, 196), (72, 128, 156), (34, 72, 106), (250, 236, 190)),
    ((232, 240, 214), (166, 200, 150), (98, 152, 116), (40, 92, 88), (244, 190, 90)),
    ((244, 220, 230), (206, 158, 196), (136, 106, 172), (72, 62, 124), (252, 206, 140)),
    ((214, 226, 246), (158, 170, 218), (102, 104, 176), (50, 48, 108), (248, 168, 140)),
    ((252, 238, 210), (160, 200, 190), (60, 140, 146), (24, 78, 100), (232, 106, 84)),
)


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """`a` where share is 0, `b` where it is 1."""
    return (
        round(a[0] + (b[0] - a[0]) * share),
        round(a[1] + (b[1] - a[1]) * share),
        round(a[2] + (b[2] - a[2]) * share),
    )


def dark(colour: Colour, share: float = 0.25) -> Colour:
    """The colour in shadow: mixed with a deep blue rather than black, which would look dirty."""
    return mix(colour, (28, 22, 60), share)


def light(colour: Colour, share: float = 0.3) -> Colour:
    """The colour in light."""
    return mix(colour, (255, 250, 232), share)


def shade(colour: Colour, word: str) -> Colour:
    """A colour as "dark", "light", "pale", "bright" or "deep" makes it."""
    match word:
        case "dark" | "deep":
            return dark(colour, 0.42)
        case "light" | "pale":
            return light(colour, 0.48)
        case "bright":
            hue, lightness, saturation = colorsys.rgb_to_hls(*(part / 255 for part in colour))
            red, green, blue = colorsys.hls_to_rgb(hue, lightness, min(1.0, saturation * 1.4))
            return round(red * 255), round(green * 255), round(blue * 255)
        case _:
            return colour


def luminance(colour: Colour) -> float:
    """How light a colour looks, 0 to 255 (ITU-R BT.601 weights)."""
    return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]
