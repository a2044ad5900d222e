"""Ways to respell a word so that a careless filter misses it: for tests, benchmarks and training.

Each is a pure function of a word and a source of chance; `WAYS` has them all by name. What it cannot respell (a word
without a vowel has none to star) it returns as it is. `respelled` respells some words of a text.
"""

from __future__ import annotations

import base64
import codecs
import random
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

Way = Callable[[str, random.Random], str]

_LEET = {"a": "4@", "b": "8", "e": "3", "g": "9", "i": "1!", "l": "1|", "o": "0", "s": "5$", "t": "7+", "z": "2"}
_DRAWN = {
    "a": ["/\\", "/-\\"],
    "d": ["|)"],
    "h": ["|-|", "}{"],
    "k": ["|<"],
    "m": ["|\\/|"],
    "n": ["/\\/"],
    "o": ["()", "[]", "<>"],
    "u": ["|_|"],
    "v": ["\\/"],
    "w": ["\\/\\/"],
}
_HOMOGLYPHS = dict(zip("aceijopsxyvhkm", "асеіјорѕхуνһкм", strict=True))
_MARKS = "\u0300\u0301\u0302\u0303\u0308\u030a\u0323\u0331"
_ACCENTED = {"a": "àáâãäå", "c": "ç", "e": "èéêë", "i": "ìíîï", "n": "ñ", "o": "òóôõö", "u": "ùúûü", "y": "ýÿ"}
_INVISIBLE = "\u200b\u200c\u2060\ufeff"
_DIRECTIONS = "\u200e\u200f\u202a\u202c\u2066\u2069"
_VOWELS = "aeiou"
_STYLES = (0x1D400, 0x1D41A), (0x1D56C, 0x1D586), (0x1D670, 0x1D68A), (0x1F170, 0x1F170)
_WORD = re.compile(r"[^\W\d_]+")


def leet(word: str, chance: random.Random) -> str:
    """Digits and signs for letters, at least one of them where there is any; at the end "!" is punctuation and none."""
    spelled = _some(word, _LEET, chance)
    return spelled[:-1] + "1" if spelled.endswith("!") and spelled != word else spelled


def drawn(word: str, chance: random.Random) -> str:
    """One letter drawn with several signs."""
    return _some(word, _DRAWN, chance, most=1)


def homoglyph(word: str, chance: random.Random) -> str:
    """Cyrillic and Greek letters that look like Latin ones."""
    return _some(word, _HOMOGLYPHS, chance)


def full_width(word: str, _chance: random.Random) -> str:
    """Letters as wide as an ideograph."""
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in word)


def styled(word: str, chance: random.Random) -> str:
    """Mathematical or squared letters."""
    capital, small = chance.choice(_STYLES)
    base = {"A": capital, "a": small}
    return "".join(
        chr(base["A" if c.isupper() else "a"] + ord(c.lower()) - ord("a")) if c.isascii() and c.isalpha() else c
        for c in word
    )


def circled(word: str, _chance: random.Random) -> str:
    """Letters in circles."""
    return "".join(chr(0x24D0 + ord(c.lower()) - ord("a")) if c.isascii() and c.isalpha() else c for c in word)


def accented(word: str, chance: random.Random) -> str:
    """Letters with diacritics."""
    return _some(word, _ACCENTED, chance)


def marked(word: str, chance: random.Random) -> str:
    """Combining marks after letters."""
    return "".join(c + chance.choice(_MARKS) * chance.randint(0, 3) for c in word)


def zero_width(word: str, chance: random.Random) -> str:
    """Invisible characters between letters."""
    return "".join(c + chance.choice(_INVISIBLE) for c in word[:-1]) + word[-1:]


def directed(word: str, chance: random.Random) -> str:
    """Direction marks between letters."""
    return "".join(c + chance.choice(_DIRECTIONS) for c in word[:-1]) + word[-1:]


def soft_hyphen(word: str, chance: random.Random) -> str:
    """A soft hyphen somewhere in the word."""
    return _cut(word, chance, "\u00ad")


def dotted(word: str, _chance: random.Random) -> str:
    """Dots between letters."""
    return ".".join(word)


def spaced(word: str, _chance: random.Random) -> str:
    """Spaces between letters."""
    return " ".join(word)


def separated(word: str, chance: random.Random) -> str:
    """Any signs between letters."""
    return "".join(c + chance.choice(".-_ *~") for c in word[:-1]) + word[-1:]


def hyphenated(word: str, chance: random.Random) -> str:
    """One sign somewhere in the word."""
    return _cut(word, chance, chance.choice("-._~"))


def repeated(word: str, chance: random.Random) -> str:
    """Letters stretched to three and more."""
    places = set(chance.sample(range(len(word)), min(len(word), chance.randint(1, 2))))
    return "".join(c * chance.randint(3, 5) if i in places else c for i, c in enumerate(word))


def starred(word: str, chance: random.Random) -> str:
    """A star, a hash or the like for a vowel that is not at the edge."""
    places = [i for i in range(1, len(word) - 1) if word[i].lower() in _VOWELS]
    if not places:
        return word
    place = chance.choice(places)
    return word[:place] + chance.choice("**#%") + word[place + 1 :]


def masked(word: str, chance: random.Random) -> str:
    """Stars for all but the first and last letters."""
    if len(word) < 4:
        return word
    return word[0] + chance.choice("**#") * (len(word) - 2) + word[-1]


def crossed(word: str, chance: random.Random) -> str:
    """An x, or a v for a u, for one vowel."""
    places = [i for i in range(1, len(word)) if word[i].lower() in _VOWELS]
    if not places:
        return word
    place = chance.choice(places)
    letter = "v" if word[place].lower() == "u" and chance.random() < 0.5 else "x"
    return word[:place] + letter + word[place + 1 :]


def without_vowels(word: str, _chance: random.Random) -> str:
    """The first letter and the consonants, of words that have four and more of these."""
    short = word[:1] + "".join(c for c in word[1:] if c.lower() not in _VOWELS)
    return short if len(short) >= 4 else word


def swapped(word: str, chance: random.Random) -> str:
    """Two letters within a longer word exchanged."""
    if len(word) < 5:
        return word
    place = chance.randrange(1, len(word) - 2)
    return word[:place] + word[place + 1] + word[place] + word[place + 2 :]


def phonetic(word: str, chance: random.Random) -> str:
    """Written as it sounds: ck as k, s at the end as z, er as a, ph for f."""
    choices = [("ck", "k"), ("ck", "q"), ("s$", "z"), ("er$", "a"), ("f", "ph"), ("w", "vv")]
    found = [(a, b) for a, b in choices if re.search(a, word, re.IGNORECASE)]
    if not found:
        return word
    pattern, replacement = chance.choice(found)
    return re.sub(pattern, replacement, word, flags=re.IGNORECASE)


def split(word: str, chance: random.Random) -> str:
    """Broken into two pieces by a space."""
    return _cut(word, chance, " ")


def line_split(word: str, chance: random.Random) -> str:
    """Broken over the end of a line, with a hyphen."""
    return _cut(word, chance, "-\n")


def backwards(word: str, _chance: random.Random) -> str:
    """The letters in the opposite order."""
    return word[::-1]


def rot13(word: str, _chance: random.Random) -> str:
    """Each letter thirteen on."""
    return codecs.encode(word, "rot13")


def base64_encoded(word: str, chance: random.Random) -> str:
    """A few words in Base64 with the word among them."""
    before, after = chance.choice([("a ", " please"), ("show me ", ""), ("", " in the park"), ("draw ", " now")])
    return base64.b64encode(f"{before}{word}{after}".encode()).decode()


def upper(word: str, _chance: random.Random) -> str:
    """Capitals."""
    return word.upper()


def mixed_case(word: str, chance: random.Random) -> str:
    """Capitals and small letters by chance."""
    return "".join(chance.choice((c.upper(), c.lower())) for c in word)


WAYS: Mapping[str, Way] = MappingProxyType(
    {
        "leet": leet,
        "drawn": drawn,
        "homoglyph": homoglyph,
        "full width": full_width,
        "styled": styled,
        "circled": circled,
        "accented": accented,
        "marked": marked,
        "zero-width": zero_width,
        "directed": directed,
        "soft hyphen": soft_hyphen,
        "dotted": dotted,
        "spaced": spaced,
        "separated": separated,
        "hyphenated": hyphenated,
        "repeated": repeated,
        "starred": starred,
        "masked": masked,
        "crossed": crossed,
        "without vowels": without_vowels,
        "swapped": swapped,
        "phonetic": phonetic,
        "split": split,
        "line split": line_split,
        "backwards": backwards,
        "ROT13": rot13,
        "Base64": base64_encoded,
        "upper": upper,
        "mixed case": mixed_case,
    }
)
"""Every way, by name."""


def respelled(text: str, way: str, chance: random.Random, *, words: int = 1) -> str:
    """The text with so many of its words respelled, longer ones (four letters and more) rather than shorter ones."""
    found = list(_WORD.finditer(text))
    longer = [match for match in found if len(match[0]) >= 4] or found
    chosen = sorted(chance.sample(longer, min(words, len(longer))), key=lambda match: -match.start())
    for match in chosen:
        text = text[: match.start()] + WAYS[way](match[0], chance) + text[match.end() :]
    return text


def _some(word: str, choices: Mapping[str, str | list[str]], chance: random.Random, *, most: int | None = None) -> str:
    places = [i for i, c in enumerate(word) if c.lower() in choices]
    if not places:
        return word
    chosen = set(chance.sample(places, chance.randint(1, min(most or len(places), len(places)))))
    return "".join(chance.choice(choices[c.lower()]) if i in chosen else c for i, c in enumerate(word))


def _cut(word: str, chance: random.Random, sign: str) -> str:
    if len(word) < 2:
        return word
    place = chance.randrange(1, len(word))
    return word[:place] + sign + word[place:]
