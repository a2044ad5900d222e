"""Stable Image Core, Stable Image Ultra and Stable Diffusion 3.5 Large on Bedrock.

Sources: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-diffusion-3-5-large.html,
.../model-parameters-diffusion-stable-image-core-text-image-request-response.html and
.../model-parameters-diffusion-stable-ultra-text-image-request-response.html. None takes a size, steps or a guidance
scale.
"""

from __future__ import annotations

from services.generator.backends import Defaults
from services.generator.dialects import Asked, Item, Notice, Options, Sent, decoded, encoded, fitting, stability

# Of the ratio 1:1, which is the models' default. Ultra's page gives no size, only 640 to 1,536 pixels a side.
DEFAULTS = Defaults(width=1024, height=1024)
BLACK_IS_REFUSED = False


def request(asked: Asked, options: Options) -> Sent:
    """See Dialect.request."""
    notices: list[Notice] = []
    fitting.no_steps(asked, notices)
    fitting.no_guidance(asked, notices)
    payload = stability.payload(asked, notices)
    return Sent(encoded(payload), payload["seed"], tuple(notices))


def images(body: bytes, content_type: str) -> list[Item]:
    """See Dialect.images."""
    return stability.items(decoded(body))
