"""Other filters that the benchmark of text moderation runs beside Safelight's, each set to find as much as it can."""

from __future__ import annotations

from collections.abc import Callable

Filter = Callable[[str], bool]
"""Whether a text is flagged."""


def _better_profanity() -> Filter:
    from better_profanity import profanity

    profanity.load_censor_words()
    return lambda text: bool(profanity.contains_profanity(text))


def _alt_profanity_check() -> Filter:
    from profanity_check import predict

    return lambda text: bool(predict([text])[0])


def _glin_profanity() -> Filter:
    from glin_profanity import Filter as Glin

    # The cache would make the second look at a text free.
    found = Glin(
        {
            "languages": ["english"],
            "detect_leetspeak": True,
            "leetspeak_level": "aggressive",
            "normalize_unicode": True,
            "obfuscation": "strict",
            "cache_results": False,
        }
    )
    return lambda text: bool(found.is_profane(text))


OTHERS: dict[str, Callable[[], Filter]] = {
    "better-profanity": _better_profanity,
    "alt-profanity-check": _alt_profanity_check,
    "glin-profanity": _glin_profanity,
}
