"""What a request costs: the calls to providers that its stages made, times a dated list of prices.

An estimate: what a provider bills in the end depends on contracts, tiers and rounding that are not known here.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from google.protobuf import duration_pb2
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from safelight.common.v1 import provider_usage_pb2
from safelight.gateway.v1 import gateway_pb2 as pb
from services.gateway.documents import DocumentError, load_document

SHIPPED = Path(__file__).parent / "prices" / "aws.yaml"

Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]


class PriceError(Exception):
    """A price file is wrong. The message gives file, line and reason, one problem to a line."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Price(_Part):
    """What one unit costs."""

    amount: float = Field(ge=0, allow_inf_nan=False)
    per: Word
    source: Word
    note: str = ""


class PriceList(_Part):
    """Prices by unit, as a YAML document has them."""

    name: Word
    date: datetime.date
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    region: str = ""
    source: str | tuple[str, ...] = ""
    prices: Mapping[str, Price] = Field(min_length=1)
    unknown: Mapping[str, Any] | tuple[Any, ...] = ()
    """What has no price here although it is known to be billed, and why; for people."""

    @property
    def title(self) -> str:
        """Name, region and date, as `CostEstimate.price_list` has them; of a list that lies over others, of all."""
        return " ".join(filter(None, (self.name, self.region, self.date.isoformat())))

    def amount(self, usage: provider_usage_pb2.ProviderUsage) -> float | None:
        """What one call costs; None where its unit has no price."""
        if not usage.unit:
            return 0.0
        price = self.prices.get(usage.unit)
        return None if price is None else price.amount * usage.quantity


def load_prices(files: Sequence[Path] = (), *, shipped: Path = SHIPPED) -> PriceList:
    """The shipped list with those of `files` laid over it, unit by unit, a later one over an earlier one.

    Raises PriceError.
    """
    try:
        lists = [load_document(path, PriceList, "price list") for path in (shipped, *files)]
    except DocumentError as error:
        raise PriceError(str(error)) from None
    if len(currencies := sorted({each.currency for each in lists})) > 1:
        names = ", ".join(map(str, files))
        raise PriceError(f"{names}: the lists must have one currency, as the shipped; have {', '.join(currencies)}")
    prices: dict[str, Price] = {}
    for each in lists:
        prices |= each.prices
    last = lists[-1]
    names = " + ".join((*(each.title for each in lists[:-1]), last.name))
    return last.model_copy(update={"prices": prices, "name": names})


class Bill:
    """The calls to providers that one request has made so far."""

    def __init__(self, prices: PriceList) -> None:
        """Empty."""
        self._prices = prices
        self._stages: dict[pb.Stage.ValueType, pb.StageCost] = {}
        self._unpriced: set[str] = set()

    def count(self, stage: pb.Stage.ValueType, usage: Iterable[provider_usage_pb2.ProviderUsage]) -> None:
        """Puts calls down to a stage; without any, only says that the stage ran."""
        cost = self._stages.setdefault(stage, pb.StageCost(stage=stage, provider_duration=duration_pb2.Duration()))
        for call in usage:
            amount = self._prices.amount(call)
            if amount is None and call.quantity:
                self._unpriced.add(call.unit)
            cost.amount += amount or 0.0
            cost.provider_calls += call.attempts
            cost.provider_duration.FromNanoseconds(
                cost.provider_duration.ToNanoseconds() + call.duration.ToNanoseconds()
            )

    def estimate(self) -> pb.CostEstimate:
        """The sum so far."""
        total = sum(cost.amount for cost in self._stages.values())
        moderation = total - sum(c.amount for s, c in self._stages.items() if s == pb.STAGE_GENERATION)
        return pb.CostEstimate(
            total=total,
            currency=self._prices.currency,
            stages=[self._stages[stage] for stage in sorted(self._stages)],
            moderation_share=moderation / total if total else 0,
            price_list=self._prices.title,
            unpriced_units=sorted(self._unpriced),
        )
