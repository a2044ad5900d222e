"""The list of prices, and what requests cost by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from safelight.common.v1.provider_usage_pb2 import ProviderUsage
from safelight.gateway.v1 import gateway_pb2 as pb
from services.gateway.costs import Bill, PriceError, PriceList, load_prices
from tests.support.services import ScriptedGenerator, ScriptedImages, ScriptedText, suite
from tests.support.streams import collect

OWN = """
name: contract
date: 2026-10-01
currency: USD
prices:
  rekognition.detect_moderation_labels.image: {amount: 0.5, per: image, source: our contract}
  sagemaker.ml.x.second: {amount: 0.25, per: second, source: our contract}
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.yaml"
    path.write_text(OWN)
    return path


def call(unit: str, quantity: float, seconds: int = 1) -> ProviderUsage:
    usage = ProviderUsage(provider="p", operation="O", attempts=1, unit=unit, quantity=quantity)
    usage.duration.FromSeconds(seconds)
    return usage


def test_every_shipped_price_has_a_source_and_the_list_a_date() -> None:
    """A price is of no use without knowing whose it is and of when."""
    prices = load_prices()
    assert prices.currency == "USD"
    assert prices.date.year >= 2026
    assert all(price.source.startswith("http") for price in prices.prices.values())


def test_own_prices_are_laid_over_the_shipped_ones(own: Path) -> None:
    """A unit of one's own list counts; those that it does not name keep the shipped price."""
    shipped, laid = load_prices(), load_prices([own])
    assert laid.title == f"{shipped.title} + contract 2026-10-01"
    assert laid.prices["rekognition.detect_moderation_labels.image"].amount == 0.5
    assert set(laid.prices) == {*shipped.prices, "sagemaker.ml.x.second"}
    assert laid.prices["s3.put"] == shipped.prices["s3.put"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (OWN.replace("0.5", "-1"), ":6: prices.rekognition.detect_moderation_labels.image.amount: "),
        (OWN.replace("0.5", ".nan"), ":6: prices.rekognition.detect_moderation_labels.image.amount: "),
        (OWN.replace("currency: USD", "currency: dollars"), ":4: currency: "),
        (OWN.replace("currency: USD", "currency: EUR"), "must have one currency, as the shipped; have EUR, USD"),
        (OWN + "unit: x\n", ":8: unknown key 'unit'"),
        (OWN.replace("2026-10-01", "soon"), ":3: date: "),
        ("[]", ":1: a price list is a mapping"),
    ],
)
def test_a_wrong_list_says_where_and_why(tmp_path: Path, text: str, reason: str) -> None:
    """File, line and reason, as for policies."""
    path = tmp_path / "own.yaml"
    path.write_text(text)
    with pytest.raises(PriceError) as caught:
        load_prices([path])
    assert str(path) in str(caught.value)
    assert reason in str(caught.value)


def test_a_bill_sums_by_stage_and_tells_moderations_share(own: Path) -> None:
    """Amounts are quantity times price; units without a price are named and not guessed."""
    bill = Bill(load_prices([own]))
    bill.count(pb.STAGE_TEXT_MODERATION, [])
    bill.count(pb.STAGE_IMAGE_MODERATION, [call("rekognition.detect_moderation_labels.image", 1, 2)])
    bill.count(pb.STAGE_GENERATION, [call("sagemaker.ml.x.second", 6, 6), call("", 0), call("unheard.of", 3)])
    further = call("unheard.of", 1, 0)
    further.attempts = 0
    bill.count(pb.STAGE_GENERATION, [further])
    estimate = bill.estimate()
    assert [(s.stage, s.amount, s.provider_calls, s.provider_duration.seconds) for s in estimate.stages] == [
        (pb.STAGE_TEXT_MODERATION, 0, 0, 0),
        (pb.STAGE_GENERATION, 1.5, 3, 8),
        (pb.STAGE_IMAGE_MODERATION, 0.5, 1, 2),
    ]
    assert (estimate.total, estimate.currency) == (2.0, "USD")
    assert estimate.moderation_share == 0.25
    assert list(estimate.unpriced_units) == ["unheard.of"]


async def test_the_terminal_event_carries_the_estimate_of_all_attempts(own: Path) -> None:
    """What each stage's providers bill is added up over attempts and images, and by stage."""
    image = "rekognition.detect_moderation_labels.image"
    async with suite(
        text=ScriptedText(usage=[call("unheard.of", 1)]),
        generator=ScriptedGenerator(usage=[call("sagemaker.ml.x.second", 2)]),
        images=ScriptedImages(usage=[call(image, 1)]),
        price_files=(own,),
    ) as running:
        told = await collect(running.stub, prompt="a dog", count=2)
        refused = await collect(running.stub, prompt="forbidden")
    cost = told.completed.cost_estimate
    assert [(each.stage, each.amount) for each in cost.stages] == [(1, 0), (2, 0.5), (3, 1.0)]
    assert (cost.total, cost.price_list) == (1.5, f"{load_prices().title} + contract 2026-10-01")
    assert cost.moderation_share == pytest.approx(2 / 3)
    assert list(cost.unpriced_units) == ["unheard.of"]
    (generated,) = (each for each in told.of("stage_finished") if each.stage == pb.STAGE_GENERATION)
    assert [each.unit for each in generated.usage] == ["sagemaker.ml.x.second"]
    assert [each.stage for each in refused.completed.cost_estimate.stages] == [pb.STAGE_TEXT_MODERATION]


async def test_embedded_providers_cost_nothing() -> None:
    """The estimate is there all the same, with 0 for every stage that ran."""
    async with suite() as running:
        told = await collect(running.stub, prompt="a dog")
    cost = told.completed.cost_estimate
    assert told.completed.HasField("cost_estimate")
    assert (cost.total, cost.currency, len(cost.stages), cost.moderation_share) == (0, "USD", 3, 0)


def test_the_title_leaves_out_what_is_not_said() -> None:
    """A list without a region has none in its title."""
    listed = PriceList.model_validate(
        {
            "name": "mine",
            "date": "2026-01-02",
            "currency": "EUR",
            "prices": {"a": {"amount": 1, "per": "a", "source": "s"}},
        }
    )
    assert listed.title == "mine 2026-01-02"
