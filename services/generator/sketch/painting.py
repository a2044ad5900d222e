"""One picture as a list of layers, drawn step by step."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from services.generator.sketch import ellipses, scene
from services.generator.sketch.backdrops import BACKDROPS, HORIZONS, OVERLAYS, Place
from services.generator.sketch.layout import Item, arrange, setting_of, time_of, weather_of
from services.generator.sketch.palette import Colour, mix
from services.generator.sketch.pen import Pen
from services.generator.sketch.styles import STYLES
from services.generator.sketch.things import Look

NOTE = "sketch, not a diffusion model"

# Drawn at twice the size and averaged down, which smooths edges; above this many pixels edges are fine as they are.
SUPERSAMPLED_PIXELS = 1024 * 1024
# Settings whose light is their own.
INDOORS = ("room", "table", "stage", "studio", "space", "underwater", "abstract")


class Painting:
    """Draws one picture. `draw_until(step)` as often as wanted, then `image` is it."""

    def __init__(
        self,
        *,
        prompt: str,
        negative_prompt: str = "",
        seed: int = 0,
        width: int = 512,
        height: int = 512,
        steps: int = 20,
    ) -> None:
        """Reads the prompt; draws nothing yet. `width` and `height` are in pixels, `seed` is 0 to 2^32 - 1."""
        self.scene = scene.read(prompt, negative_prompt, seed)
        self.steps = steps
        self.steps_done = 0
        self._size = (width, height)
        # The ellipses smooth their own edges.
        self._factor = 2 if width * height <= SUPERSAMPLED_PIXELS and not self.scene.ellipses else 1
        self._image = Image.new("RGB", (width * self._factor, height * self._factor), (232, 230, 226))
        self._layers = self._plan()
        self._layers_done = 0

    @property
    def image(self) -> Image.Image:
        """The picture (RGB, of the size asked for) once every step is done."""
        return self._image

    def draw_until(self, step: int) -> None:
        """Draws what belongs to the steps after the last one done, up to `step` (1 to `steps`).

        The layers are spread evenly over the steps; with more steps than layers some steps have nothing to draw.
        """
        end = len(self._layers) * step // self.steps
        for layer in self._layers[self._layers_done : end]:
            layer()
        self._layers_done = end
        self.steps_done = step

    def _plan(self) -> list[Callable[[], None]]:
        if self.scene.ellipses:
            return [self._draw_ellipses, self._write_note]
        items = arrange(self.scene, self._size[0] / self._size[1], self.scene.chance("layout"))
        layers: list[Callable[[], None]] = [self._draw_backdrop]
        layers += [lambda item=item: self._draw_item(item) for item in items]  # type: ignore[misc] # mypy: lambda default
        layers += [self._draw_weather, self._reduce, self._apply_style, self._write_note]
        return layers

    def _place(self, use: str) -> Place:
        tint = scene.rgb(self.scene.colours[0]) if self.scene.colours else None
        return Place(self._image, self.scene.chance(use), time_of(self.scene), weather_of(self.scene), tint)

    def _draw_ellipses(self) -> None:
        ellipses.draw(self._image, self.scene.chance("ellipses"))

    def _draw_backdrop(self) -> None:
        setting = setting_of(self.scene)
        BACKDROPS[setting](self._place(f"backdrop {setting}"), HORIZONS.get(setting, 0.6))

    def _draw_weather(self) -> None:
        for overlay in OVERLAYS.get(weather_of(self.scene), ()):
            overlay(self._place(overlay.__name__))

    def _draw_item(self, item: Item) -> None:
        """Draws the thing on a transparent tile, shades it as a whole, and puts it on the picture over its shadow."""
        width, height = self._image.size
        scale = item.height * min(width, height)
        noun = item.thing.noun
        # Room on all sides, for what reaches beyond a thing's own box; cut off again below.
        tile = Image.new("RGBA", (round(scale * (item.thing.width + 1)) + 4, round(scale * 1.4) + 4))
        foot = tile.height - round(scale * 0.12) - 2
        look = Look(
            self.scene.chance(f"thing {noun.name} {item.index}"),
            item.thing.colour(item.index),
            item.thing.clothes,
            item.thing.pose,
            scene.rgb(item.thing.clothes_colour) if item.thing.clothes_colour else None,
            self.scene.avoided,
        )
        noun.draw(Pen(tile, tile.width / 2, foot, scale, flip=item.flip), look)
        left, top, right, bottom = tile.getbbox() or (0, 0, tile.width, tile.height)
        tile = tile.crop((left, top, right, bottom))
        x, y = item.x * width, item.foot * height
        setting = setting_of(self.scene)
        if item.shadow:
            self._draw_shadow(x, y, tile.width)
        corner = (round(x - tile.width / 2), round(y) - foot + top)
        self._image.paste(_shaded(tile, self._ambient(setting)), corner, tile.getchannel("A"))
        if noun.place == "water" and setting in ("sea", "lake", "beach"):
            self._draw_wake(x, y, tile.width)

    def _ambient(self, setting: str) -> tuple[Colour, float]:
        """The light that falls on things: its colour, and how much of it they take on."""
        if setting in INDOORS:
            return ((40, 90, 140), 0.14) if setting == "underwater" else ((60, 50, 90), 0.0)
        if weather_of(self.scene) in ("rain", "storm", "fog"):
            return (150, 160, 172), 0.16
        return {"night": ((30, 36, 86), 0.3), "sunset": ((216, 110, 90), 0.16)}.get(
            time_of(self.scene), ((0, 0, 0), 0.0)
        )

    def _draw_shadow(self, x: float, y: float, width: float) -> None:
        w, h = max(4, round(width * 0.98)), max(3, round(width * 0.15))
        # Blurred at a quarter of the size, which looks the same and costs a sixteenth.
        small = Image.new("L", (w // 4 + 9, h // 4 + 9), 0)
        ImageDraw.Draw(small).ellipse((4, 4, small.width - 5, small.height - 5), fill=84)
        mask = small.filter(ImageFilter.GaussianBlur(2)).resize((w + 36, h + 36), Image.Resampling.BILINEAR)
        self._image.paste((24, 22, 44), (round(x - mask.width / 2), round(y - mask.height / 2)), mask)

    def _draw_wake(self, x: float, y: float, width: float) -> None:
        pen = ImageDraw.Draw(self._image)
        for i, share in enumerate((0.9, 1.15, 0.7)):
            half, level = width * share / 2, y + (i - 0.4) * width * 0.035
            thick = max(2, round(width * 0.014))
            pen.rounded_rectangle(
                (x - half, level, x + half * 0.9, level + thick), radius=thick // 2, fill=(206, 230, 236)
            )

    def _reduce(self) -> None:
        if self._factor > 1:
            self._image = self._image.reduce(self._factor)

    def _apply_style(self) -> None:
        if self.scene.style:
            self._image = STYLES[self.scene.style](self._image, self.scene.chance("style"))

    def _write_note(self) -> None:
        """Says at the bottom what this is: light letters on a dark band, legible on any picture."""
        width, height = self._image.size
        size = max(6, min(round(height * 0.026), 28))
        font = _font(size)
        while size > 5 and font.getlength(NOTE) > width * 0.96:
            size -= 1
            font = _font(size)
        band = min(height, round(size * 1.7))
        box = (0, height - band, width, height)
        strip = self._image.crop(box).convert("RGB")
        self._image.paste(Image.blend(strip, Image.new("RGB", strip.size, (20, 20, 28)), 0.62), box)
        pen = ImageDraw.Draw(self._image)
        pen.text((width / 2, height - band / 2), NOTE, font=font, fill=(244, 243, 238), anchor="mm")


def _slope() -> Image.Image:
    """How dark a thing gets to its lower right (mode L)."""
    slope = Image.linear_gradient("L").rotate(38, Image.Resampling.BILINEAR, fillcolor=128).crop((40, 40, 216, 216))
    return slope.point([max(0, v - 90) * 60 // 165 for v in range(256)])


_SLOPE = _slope()


def _shaded(tile: Image.Image, ambient: tuple[Colour, float]) -> Image.Image:
    """The tile's colours (RGB), lit from the upper left, with a bright and a dark rim inside its outline."""
    rgb, alpha = tile.convert("RGB"), tile.getchannel("A")
    colour, share = ambient
    if share:
        rgb = Image.blend(rgb, Image.new("RGB", rgb.size, colour), share)
    slope = _SLOPE.resize(tile.size, Image.Resampling.BILINEAR)
    rgb.paste(mix((20, 16, 60), colour, share), (0, 0), slope)
    reach = max(1, round(min(tile.size) * 0.014))
    for dx, dy, rim, strength in ((-reach, -reach, (22, 18, 56), 0.3), (reach, reach, (255, 252, 236), 0.34)):
        inside = ImageChops.offset(alpha, dx, dy)
        edge = ImageChops.subtract(alpha, inside).point([round(v * strength * (1 - share)) for v in range(256)])
        rgb.paste(rim, (0, 0), edge)
    return rgb


_FONTS: dict[int, ImageFont.FreeTypeFont | ImageFont.ImageFont] = {}


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font, with the layout engine that every build of Pillow has."""
    if size not in _FONTS:
        font = ImageFont.load_default(size)
        if isinstance(font, ImageFont.FreeTypeFont):
            font = font.font_variant(layout_engine=ImageFont.Layout.BASIC)
        _FONTS[size] = font
    return _FONTS[size]
