"""Amazon Bedrock Guardrails: the content filters of a guardrail that look at images.

Limits: "Block harmful images with content filters", Amazon Bedrock User Guide. Only the first 100 words of a text that
is written in a picture are judged there.
"""

from __future__ import annotations

from PIL import Image

from safelight.common.v1 import finding_pb2
from services.common.aws.guardrails import Guardrail, findings
from services.image_moderation.provided import ProviderLimits, looks
from services.image_moderation.settings import STAGE, Settings

# Whether the documentation's "4 MB" are decimal it does not say; these are less either way.
LIMITS = ProviderLimits(max_bytes=4_000_000, max_side=8000)


class BedrockGuardrail:
    """The detector. Safe to use from several threads at a time."""

    name = "bedrock_guardrail"

    def __init__(self, settings: Settings) -> None:
        """Makes no connection yet: see check()."""
        # A picture that is to be shown is what comes out of a model, for a guardrail.
        self._guardrail = Guardrail.of(
            settings,
            settings.bedrock_guardrail_id,
            settings.bedrock_guardrail_version,
            stage=STAGE,
            field="image",
            source="OUTPUT",
            modality="IMAGE",
        )
        self.version = self._guardrail.name

    def check(self) -> None:
        """See checks.Checked."""
        self._guardrail.check()

    def detect(self, subject: Image.Image) -> list[finding_pb2.Finding]:
        """Findings in an RGB picture, by falling confidence, without boxes. One call; up to 16 for a long picture."""
        surest: dict[tuple[int, str], finding_pb2.Finding] = {}
        for look in looks(subject, LIMITS):
            block = {"image": {"format": look.media_type.removeprefix("image/"), "source": {"bytes": look.data}}}
            for finding in findings(self._guardrail.apply([block]), self.name):
                # Topics and patterns have names of the operator's, which may be those of filters.
                key = finding.category, finding.label
                if key not in surest or surest[key].confidence < finding.confidence:
                    surest[key] = finding
        return sorted(surest.values(), key=lambda finding: -finding.confidence)
