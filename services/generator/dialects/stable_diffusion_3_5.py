"""Stable Diffusion 3.5 Large in Stability AI's container on SageMaker JumpStart.

Source: sd3.5/sd3-5-jumpstart.ipynb in Stability-AI/aws-jumpstart-examples: the images are in `images` of the member
`body`. For the full list of parameters it points to Stability's API reference (v2beta, stable-image/generate/sd3),
which has no steps; whether the container takes that reference's `cfg_scale` is not documented, so it is left out.
"""

from __future__ import annotations

from services.generator.backends import Defaults
from services.generator.dialects import Asked, Item, Notice, Options, Sent, decoded, encoded, fitting, stability

# One megapixel, whatever the ratio.
DEFAULTS = Defaults(width=1024, height=1024)
BLACK_IS_REFUSED = False


def request(asked: Asked, options: Options) -> Sent:
    """See Dialect.request."""
    notices: list[Notice] = []
    fitting.no_steps(asked, notices)
    fitting.no_guidance(asked, notices)
    payload = stability.payload(asked, notices)
    return Sent(encoded({**payload, "mode": "text-to-image"}), payload["seed"], tuple(notices))


def images(body: bytes, content_type: str) -> list[Item]:
    """See Dialect.images."""
    answer = decoded(body)
    inner = answer.get("body")
    return stability.items(inner if isinstance(inner, dict) else answer)
