"""The words a prompt is read with, other than the names of things (those stand with their drawings)."""

from __future__ import annotations

SETTINGS: dict[str, tuple[str, ...]] = {
    "beach": ("beach", "beaches", "seaside", "shore", "seashore", "coast", "sand", "island", "bay", "tropical"),
    "sea": ("sea", "seas", "ocean", "oceans", "waves", "harbor", "harbour", "sailing"),
    "lake": ("lake", "lakes", "river", "rivers", "pond", "waterfall", "stream", "canal"),
    "forest": ("forest", "forests", "woods", "jungle", "rainforest", "woodland", "trees"),
    "mountains": ("mountains", "mountain range", "valley", "alps", "canyon", "cliff", "cliffs", "himalayas"),
    "city": (
        "city", "cities", "street", "streets", "town", "downtown", "road", "skyline", "urban", "new york", "london",
        "tokyo", "paris", "cyberpunk",
    ),
    "desert": ("desert", "deserts", "dune", "dunes", "savanna", "savannah", "sahara", "safari", "egypt"),
    "snow": ("snow", "snowy", "winter", "arctic", "antarctica", "ice", "icy", "christmas", "frozen", "ski", "skiing"),
    "field": (
        "field", "fields", "meadow", "garden", "gardens", "park", "countryside", "hills", "hill", "lawn", "pasture",
        "prairie", "spring", "summer", "village", "playground",
    ),
    "space": ("space", "outer space", "galaxy", "cosmos", "universe", "orbit", "nebula", "galaxies"),
    "underwater": ("underwater", "under the sea", "under water", "reef", "coral reef", "aquarium", "seabed"),
    "room": (
        "room", "kitchen", "bedroom", "living room", "office", "library", "indoors", "restaurant", "cafe",
        "classroom", "school", "bar", "gym", "studio", "interior", "hospital room", "museum",
    ),
    "stage": ("stage", "theater", "theatre", "concert", "opera", "disco", "nightclub", "party", "boxing ring"),
}  # fmt: skip

TIMES: dict[str, tuple[str, ...]] = {
    "night": ("night", "midnight", "starry", "starry night", "moonlight", "moonlit", "nighttime", "at night", "dark"),
    "sunset": ("sunset", "sunsets", "dusk", "evening", "golden hour", "sunrise", "dawn", "twilight", "autumn", "fall"),
    "day": ("day", "daytime", "noon", "sunny", "morning", "afternoon", "daylight"),
}

WEATHER: dict[str, tuple[str, ...]] = {
    "rain": ("rain", "rainy", "raining", "drizzle", "wet"),
    "snowfall": ("snowing", "snowfall", "blizzard", "snowstorm"),
    "fog": ("fog", "foggy", "mist", "misty", "haze"),
    "storm": ("storm", "stormy", "thunderstorm", "hurricane"),
}

STYLES: dict[str, tuple[str, ...]] = {
    "watercolor": ("watercolor", "watercolour", "water color", "water colour", "watercolors", "aquarelle", "gouache"),
    "pencil": (
        "pencil", "pencil drawing", "pencil sketch", "line art", "line drawing", "graphite", "charcoal",
        "engraving", "ink drawing", "sketch", "etching",
    ),
    "oil": (
        "oil painting", "oil paint", "oil on canvas", "impressionist", "impressionism", "van gogh", "monet",
        "acrylic", "painterly", "oil",
    ),
    "pixel": ("pixel art", "pixel", "pixelated", "8-bit", "16-bit", "8 bit", "16 bit", "retro game"),
    "cartoon": ("cartoon", "comic", "comics", "comic book", "anime", "manga", "animated"),
    "monochrome": ("black and white", "monochrome", "grayscale", "greyscale", "noir", "film noir"),
    "neon": ("neon", "neon lights", "synthwave", "vaporwave", "glowing"),
    "vintage": ("vintage", "sepia", "retro", "old photo", "antique", "old-fashioned", "polaroid"),
    "pop": ("pop art", "warhol", "screen print", "psychedelic"),
    "mosaic": ("mosaic", "stained glass", "tiles", "low poly", "cubist", "cubism"),
    "pastel": ("pastel", "pastels", "crayon", "chalk", "soft colors", "soft colours"),
    "blueprint": ("blueprint", "technical drawing", "schematic"),
}  # fmt: skip

CLOTHES: dict[str, tuple[str, ...]] = {
    "suit": ("suit", "suits", "tuxedo", "tie", "business suit", "blazer", "jacket and tie"),
    "dress": ("dress", "gown", "skirt", "sundress", "dresses"),
    "robe": ("robe", "cloak", "kimono", "bathrobe", "toga", "sari"),
    "coat": ("coat", "raincoat", "trench coat", "jacket", "parka"),
    "swimwear": (
        "swimming wear", "swimwear", "swimsuit", "swimsuits", "bathing suit", "bikini", "bikinis",
        "swimming trunks", "swim suit", "beachwear",
    ),
    "armour": ("armor", "armour", "suit of armor", "suit of armour"),
    "spacesuit": ("spacesuit", "space suit", "astronaut suit"),
    "uniform": ("uniform", "uniforms"),
    "costume": ("costume", "superhero costume", "spandex"),
    "shorts": ("shorts",),
    "top": ("shirt", "t-shirt", "sweater", "hoodie", "jumper", "blouse"),
}  # fmt: skip

POSES: dict[str, tuple[str, ...]] = {
    "dance": ("dancing", "dances", "dance", "ballet", "twirling"),
    "run": ("running", "runs", "jogging", "sprinting", "racing"),
    "jump": ("jumping", "jumps", "leaping", "celebrating", "cheering"),
    "walk": ("walking", "walks", "strolling", "hiking"),
    "wave": ("waving", "waves hello", "greeting"),
    "box": ("boxing", "fighting", "punching"),
    "sit": ("sitting", "sits", "seated", "riding"),
}

COUNTS: dict[str, int] = {
    "a": 1, "an": 1, "one": 1, "single": 1, "1": 1,
    "two": 2, "2": 2, "pair": 2, "couple": 2, "both": 2,
    "three": 3, "3": 3, "few": 3, "trio": 3, "four": 4, "4": 4, "some": 3, "several": 4,
    "five": 5, "5": 5, "group": 5, "bunch": 5, "six": 6, "6": 6, "seven": 7, "7": 7, "many": 7, "flock": 7, "herd": 5,
    "eight": 8, "8": 8, "nine": 9, "9": 9, "ten": 10, "10": 10, "lots": 9, "eleven": 11, "11": 11,
    "twelve": 12, "12": 12, "dozen": 12,
}  # fmt: skip

ON = ("on", "upon", "atop", "riding")
"""Words after which the next thing carries the last one."""

BREAKS = ("in", "on", "with", "under", "over", "near", "by", "behind", "beside", "at", "next", "above", "below", "of")
"""Words at which a colour that waits for its noun is forgotten, "of" excepted where a count waits."""

ELLIPSES = ("ellipse", "ellipses", "oval", "ovals")
"""The words for the moderation example, which is drawn alone (ellipses.py)."""

STOP = frozenset(
    (
        "the", "and", "or", "to", "from", "is", "are", "its", "his", "her", "their", "as", "style", "picture",
        "image", "photo", "painting", "drawing", "wearing", "dressed", "holding", "very", "that", "this", "it",
        "no", "not", "without", *BREAKS, *ON,
    )
)  # fmt: skip
"""Words that change nothing in the picture."""
