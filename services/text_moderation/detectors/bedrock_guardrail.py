"""Amazon Bedrock Guardrails: the filters, topics, words and personal data of a guardrail, for prompts."""

from __future__ import annotations

import re
from collections.abc import Iterator

from safelight.common.v1 import finding_pb2
from services.common.aws.guardrails import Guardrail, read
from services.common.moderation import surest_where_they_overlap
from services.text_moderation.segments import Segment, segments
from services.text_moderation.settings import STAGE, Settings

# A request that is larger than what a second's quota allows is refused, and where that is least it is 25 text units of
# 1,000 characters: https://docs.aws.amazon.com/general/latest/gr/bedrock.html.
MOST_BYTES = 20_000


class BedrockGuardrail:
    """The detector. Safe to use from several threads at a time."""

    name = "bedrock_guardrail"

    def __init__(self, settings: Settings) -> None:
        """Makes no connection yet: see check()."""
        self._guardrail = Guardrail.of(
            settings,
            settings.bedrock_guardrail_id,
            settings.bedrock_guardrail_version,
            stage=STAGE,
            field="text",
            source="INPUT",
            modality="TEXT",
        )
        self.version = self._guardrail.name

    def check(self) -> None:
        """See checks.Checked."""
        self._guardrail.check()

    def detect(self, subject: str) -> list[finding_pb2.Finding]:
        """What the guardrail reports, the surest first; words and personal data with their place in the text. A text
        beyond 20,000 bytes is judged in overlapping parts; other findings then say which.
        """
        parts = segments(subject, MOST_BYTES)
        found = [finding for part in parts for finding in self._apply(part, whole=len(parts) == 1)]
        return surest_where_they_overlap(found)

    def _apply(self, part: Segment, *, whole: bool) -> Iterator[finding_pb2.Finding]:
        for sighting in read(self._guardrail.apply([{"text": {"text": part.text}}]), self.name):
            finding = sighting.finding
            if sighting.match and (place := _place(sighting.match, part.text)):
                finding.text_span.start, finding.text_span.end = part.span(*place)
            elif not whole:
                finding.text_span.start, finding.text_span.end = part.start, part.end
            yield finding


def _place(match: str, text: str) -> tuple[int, int] | None:
    """From where to where it goes, in any case; rather where it is words of its own than within longer ones."""
    for pattern in (rf"(?<!\w){re.escape(match)}(?!\w)", re.escape(match)):
        if found := re.search(pattern, text, re.IGNORECASE):
            return found.span()
    return None
