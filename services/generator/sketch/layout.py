"""Which thing stands where, and how large. Pure arithmetic on sizes; nothing is drawn here."""

from __future__ import annotations

import random
from dataclasses import dataclass

from services.generator.sketch.backdrops import HORIZONS
from services.generator.sketch.scene import Scene, Thing

# Settings in which something that swims does so.
WATERS = ("sea", "lake", "beach", "underwater")
FRONT, BACK = 0.89, 0.76


@dataclass(frozen=True)
class Item:
    """One thing at its place. Shares of the picture: x of its width, y of its height, height of its shorter side."""

    thing: Thing
    index: int
    """Which of `thing.count` it is, from 0."""
    x: float
    foot: float
    height: float
    flip: bool
    shadow: bool


def setting_of(scene: Scene) -> str:
    """The backdrop's name: the prompt's, or the one that its things belong to."""
    small = bool(scene.things) and all(thing.noun.home == "table" for thing in scene.things)
    if scene.setting == "room" and small:
        # A cup in a kitchen stands on a table, not on the floor.
        return "table"
    if scene.setting:
        return scene.setting
    homes = [thing.noun.home for thing in scene.things if thing.noun.home and thing.noun.home not in ("night", "storm")]
    supports = {thing.on for thing in scene.things}
    if "table" in homes and (any(t.noun.creature or t.noun.size > 0.45 for t in scene.things) or "table" in supports):
        homes = ["room" if home == "table" else home for home in homes]
    if homes:
        return homes[0]
    if scene.things:
        outdoors = any(t.noun.size >= 0.5 or t.noun.place == "sky" for t in scene.things) or scene.time or scene.weather
        return "field" if outdoors else "studio"
    return "field" if scene.time or scene.weather else "abstract"


def time_of(scene: Scene) -> str:
    """Says "day", "sunset" or "night": the prompt's, or what its things ask for."""
    if scene.time:
        return scene.time
    return "night" if any(thing.noun.home == "night" for thing in scene.things) else "day"


def weather_of(scene: Scene) -> str:
    """The prompt's weather, or a storm where something of the prompt belongs to one."""
    if scene.weather:
        return scene.weather
    return "storm" if any(thing.noun.home == "storm" for thing in scene.things) else ""


def arrange(scene: Scene, aspect: float, rng: random.Random) -> list[Item]:
    """All the scene's things, the farthest first. `aspect` is the picture's width divided by its height."""
    setting = setting_of(scene)
    # The picture's width and height, in units of its shorter side.
    wide, high = max(1.0, aspect), max(1.0, 1 / aspect)
    floating, back, front, riders = [], [], [], []
    several = sum(1 for thing in scene.things if not thing.on) > 1
    for thing in scene.things:
        if thing.on:
            riders.append(thing)
        elif thing.noun.place == "sky" or setting == "underwater" or setting == "space":
            floating.append(thing)
        elif several and thing.noun.size >= 0.44 and not thing.noun.creature and not _carries(scene, thing):
            back.append(thing)
        else:
            front.append(thing)
    items = _float(floating, setting, wide, high, rng, alone=not (front or back or riders))
    items += _rows(scene, back, setting, wide, high, rng, foot=BACK if front or riders else FRONT)
    stood = _rows(scene, front, setting, wide, high, rng, foot=FRONT)
    return items + _ride(riders, items, stood, wide, high, rng)


def _carries(scene: Scene, thing: Thing) -> bool:
    return any(other.on == thing.name for other in scene.things)


def _rows(
    scene: Scene, things: list[Thing], setting: str, wide: float, high: float, rng: random.Random, *, foot: float
) -> list[Item]:
    """Things side by side on the ground, in up to three rows where one would be too narrow."""
    members = [(thing, i) for thing in things for i in range(thing.count)]
    if not members:
        return []
    creatures = any(t.noun.creature for t in scene.things)

    def size(thing: Thing) -> float:
        if creatures and thing.noun.home == "table" and thing.noun.size < 0.4:
            return thing.size * 0.62
        return thing.size * (1.12 if thing.noun.flat and _carries(scene, thing) else 1.0)

    total = sum(size(thing) * thing.width for thing, _ in members)
    room = 0.94 * wide
    rows = 1 if total <= room * 1.35 or len(members) == 1 else 2 if total <= room * 3.2 else 3
    # One thing alone may be larger, many must be smaller.
    spare = room / total * rows
    most = 1.5 if setting == "table" else 1.12
    if len(members) == 1:
        # Alone, small things may be larger than life, but only where that looks like a view from near by.
        near_by = setting in ("table", "studio") or members[0][0].noun.home != "table"
        most = min(1.7, max(1.28, 0.52 / size(members[0][0]))) if near_by else 1.0
    scale = min(most, spare)
    tallest = max(size(thing) for thing, _ in members)
    if _carries_any(scene, things):
        scale = min(scale, 1.0)
    scale = min(scale, (0.8 * high) / tallest)
    # Shuffled so that rows are mixed; then each row is laid out from left to right.
    order = list(members)
    if len(things) > 1:
        rng.shuffle(order)
    items = []
    for row in range(rows):
        part = order[row::rows]
        depth = (rows - 1 - row) / max(1, rows)
        near = scale * (1 - 0.3 * depth)
        y = foot - 0.2 * depth * min(1.0, high)
        widths = [size(thing) * thing.width * near for thing, _ in part]
        gap = (wide - sum(widths)) / (len(part) + 1)
        x = gap
        for (thing, index), width in zip(part, widths, strict=True):
            if foot == BACK and len(members) == 1 and thing.width < 0.9:
                # Beside what stands in front, not hidden by it.
                x = wide * rng.choice((0.22, 0.78)) - width / 2 if thing.name != "umbrella" else x
            jitter = max(0.0, gap) * rng.uniform(-0.25, 0.25) if len(members) > 1 else rng.uniform(-0.04, 0.04)
            swims = thing.noun.place == "water" and setting in WATERS
            level = y
            if swims:
                level = max(HORIZONS.get(setting, 0.6) + 0.1, y - (0.14 if setting == "beach" else 0.07))
            items.append(
                Item(
                    thing,
                    index,
                    min(max((x + width / 2 + jitter) / wide, 0.04), 0.96),
                    level + rng.uniform(-0.012, 0.012),
                    size(thing) * near * rng.uniform(0.95, 1.03),
                    flip=rng.random() < 0.4,
                    shadow=not swims,
                )
            )
            x += width + gap
    return items


def _carries_any(scene: Scene, things: list[Thing]) -> bool:
    return any(_carries(scene, thing) for thing in things)


def _float(
    things: list[Thing], setting: str, wide: float, high: float, rng: random.Random, *, alone: bool
) -> list[Item]:
    """Things in the air, in the water or in space, each in a cell of its own."""
    members = [(thing, i) for thing in things for i in range(thing.count)]
    if not members:
        return []
    everywhere = alone or setting in ("underwater", "space")
    top, bottom = (0.06, 0.84) if everywhere else (0.05, 0.5)
    columns = 1
    # Cells about as wide as they are high.
    while columns * max(1, round(columns * (bottom - top) * high / wide)) < len(members):
        columns += 1
    rows = -(-len(members) // columns)
    cell_w, cell_h = wide / columns, (bottom - top) * high / rows
    cells = [(row, column) for row in range(rows) for column in range(columns)]
    rng.shuffle(cells)
    items = []
    for (thing, index), (row, column) in zip(members, sorted(cells[: len(members)]), strict=True):
        size = thing.size * (1.3 if alone and len(members) == 1 else 1.0)
        size = min(size, cell_h * 0.95, cell_w * 1.05 / thing.width)
        slack_x, slack_y = max(0.0, cell_w - size * thing.width), max(0.0, cell_h - size)
        # The last row of an incomplete grid is centred.
        here = min(columns, len(members) - row * columns)
        x = (wide - here * cell_w) / 2 + (column + 0.5) * cell_w if here == columns else (column + 0.5) * cell_w
        x += slack_x * rng.uniform(-0.3, 0.3)
        y = top * high + (row + 0.5) * cell_h + size / 2 + slack_y * rng.uniform(-0.4, 0.4)
        items.append(Item(thing, index, x / wide, y / high, size, flip=rng.random() < 0.4, shadow=False))
    return items


def _ride(
    riders: list[Thing], behind: list[Item], stood: list[Item], wide: float, high: float, rng: random.Random
) -> list[Item]:
    """Everything on the ground with what stands on it, each rider right after the thing that carries it."""
    placed = behind + stood
    for rider in riders:
        carrier = next((item for item in placed if item.thing.name == rider.on), None)
        if carrier is None:
            # It rides something that rides: then it just stands in front.
            placed += [
                Item(rider, i, (i + 1) / (rider.count + 1), FRONT, rider.size, flip=False, shadow=True)
                for i in range(rider.count)
            ]
            continue
        flat = carrier.thing.noun.flat
        top = carrier.foot - carrier.height * (0.97 if flat else 0.7) / high
        height = min(rider.size * (0.9 if flat else 0.72), max(0.12, (top - 0.03) * high))
        across = carrier.height * carrier.thing.width * (0.9 if flat else 0.5)
        height = min(height, across / rider.count / rider.width * 1.6)
        if rider.noun.home == "table":
            height = min(height, 0.3)
        if not flat and rider.noun.creature:
            # Sits astride: the hips, not the feet, are on the back.
            top += height * 0.36 / high
        for i in range(rider.count):
            x = carrier.x + across / wide * ((i + 0.5) / rider.count - 0.5)
            placed.append(Item(rider, i, x, top, height, flip=rng.random() < 0.4, shadow=flat))
    return [item for item in placed if item not in behind]
