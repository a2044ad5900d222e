"""All dialects, by the names that settings have for them."""

from __future__ import annotations

from services.generator.dialects import (
    Dialect,
    nova_canvas,
    raw_image,
    sdxl,
    stability_image,
    stable_diffusion_2,
    stable_diffusion_3_5,
    titan_image,
)
from services.generator.settings import BedrockFamily, ContainerDialect

CONTAINERS: dict[ContainerDialect, Dialect] = {
    "stable_diffusion_2": stable_diffusion_2,
    "sdxl": sdxl,
    "stable_diffusion_3_5": stable_diffusion_3_5,
    "raw_image": raw_image,
}
"""Of SageMaker endpoints."""

FAMILIES: dict[BedrockFamily, Dialect] = {
    "stability_image": stability_image,
    "nova_canvas": nova_canvas,
    "titan_image": titan_image,
    "sdxl": sdxl,
}
"""Of models on Bedrock."""
