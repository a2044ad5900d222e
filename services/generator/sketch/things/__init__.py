"""What can be drawn. Importing this package enters every thing into registry.NOUNS."""

from services.generator.sketch.things import animals, buildings, nature, objects, people, vehicles
from services.generator.sketch.things.registry import NOUNS, Look, Noun

__all__ = ["NOUNS", "Look", "Noun", "animals", "buildings", "nature", "objects", "people", "vehicles"]
