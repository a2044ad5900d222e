"""Judges a classifier at Amazon Comprehend by the same data, in the same tables, as the local one."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from safelight.common.v1 import category_pb2
from services.common.aws.errors import Meaning
from services.text_moderation.classifier.comprehend import price_of_unit_second
from services.text_moderation.classifier.comprehend_data import MOST_BYTES_OF_TEXT, NOT_TOXIC, TOXIC
from services.text_moderation.classifier.comprehend_remote import CommandError, Tools, call
from services.text_moderation.classifier.data import ANY, SAFE, Data
from services.text_moderation.classifier.evaluate import Judged
from services.text_moderation.detectors.comprehend_classifier import scores

Labels = Mapping[str, str | None]

_CATEGORIES = [name.removeprefix("CATEGORY_").lower() for name in category_pb2.Category.DESCRIPTOR.values_by_name]

LABELS: Labels = {
    **{name: name for name in _CATEGORIES},
    SAFE: None,
    TOXIC: ANY,
    NOT_TOXIC: None,
}
"""What the labels mean of every classifier that the command train makes."""

# https://docs.aws.amazon.com/comprehend/latest/dg/manage-endpoints-update.html
CHARACTERS_PER_UNIT_SECOND, TEXTS_PER_UNIT_SECOND = 100, 2
# After boto3's own attempts; the waits between them grow from 1 second to 30.
_MOST_THROTTLED = 8


def judge(tools: Tools, endpoint: str, data: Data, labels: Labels, *, concurrency: int, price: float | None) -> Judged:
    """What the classifier behind an endpoint says of each text of the data.

    A text is as unsafe as its surest category. `concurrency` texts are asked about at a time. Says first how long that
    keeps the endpoint busy and what that costs. Raises CommandError.
    """
    units = _units(tools, endpoint)
    tools.say(_forecast(data, units, price))
    found = _classify(tools, endpoint, data.texts, labels, concurrency)
    categories = sorted({name for one in found for name in one} - {ANY})
    unknown = sorted(set(data.names) - {*categories, ANY})
    if unknown:
        tools.say(f"the classifier does not tell {', '.join(unknown)}: texts of these count in the row {ANY!r} only\n")
    names = [*categories, ANY]
    table = [[*(one.get(name, 0.0) for name in categories), max(one.values(), default=0.0)] for one in found]
    return Judged(names, np.array(table, dtype=np.float64), data.targets(names), data)


def _units(tools: Tools, endpoint: str) -> int:
    describe = tools.comprehend.describe_endpoint
    found = call(
        describe, "DescribeEndpoint", "--endpoint and --region", expect="EndpointProperties", EndpointArn=endpoint
    )
    # One that is being changed answers all the same.
    if found["Status"] not in ("IN_SERVICE", "UPDATING"):
        raise CommandError(f"--endpoint {endpoint} is {found['Status']}, not IN_SERVICE")
    return int(found.get("CurrentInferenceUnits") or found["DesiredInferenceUnits"])


def _forecast(data: Data, units: int, price: float | None) -> str:
    characters, long = sum(map(len, data.texts)), sum(len(text.encode()) > MOST_BYTES_OF_TEXT for text in data.texts)
    seconds = max(characters / CHARACTERS_PER_UNIT_SECOND, len(data) / TEXTS_PER_UNIT_SECOND) / units
    try:
        amount, source = price_of_unit_second(price)
        cost = f"${amount * units * seconds:,.2f} ({source})"
    except CommandError as error:
        cost = f"an amount that is not known here ({error})"
    lines = [
        f"{len(data):,} texts, {characters:,} characters: an endpoint of {units} inference units is busy with them for "
        f"{seconds / 60:,.1f} minutes or more",
        f"requests are not billed, the endpoint's time is: {cost} for as long",
    ]
    if long:
        lines.append(f"{long:,} texts are longer than 10 KB; the rest of them is left out")
    return "\n".join(lines) + "\n"


def _classify(
    tools: Tools, endpoint: str, texts: list[str], labels: Labels, concurrency: int
) -> list[dict[str, float]]:
    done, lock, said_at = 0, threading.Lock(), tools.clock()

    def one(text: str) -> dict[str, float]:
        nonlocal done, said_at
        # What an endpoint takes at once, cut where a character ends.
        piece = text.encode()[:MOST_BYTES_OF_TEXT].decode(errors="ignore")
        found = _scores(_ask(tools, endpoint, piece), labels) if piece.strip() else {}
        with lock:
            done += 1
            if tools.clock() - said_at > 60:
                said_at = tools.clock()
                tools.say(f"  {done:,} of {len(texts):,}")
        return found

    with ThreadPoolExecutor(concurrency) as pool:
        try:
            return list(pool.map(one, texts))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _scores(response: dict[str, Any], labels: Labels) -> dict[str, float]:
    names = {str(one["Name"]) for member in ("Classes", "Labels") for one in response.get(member, ())}
    if unknown := sorted(names - set(labels)):
        shown = ", ".join(map(repr, unknown))
        raise CommandError(f"the classifier has labels without a meaning: {shown}; give --labels (null: harmless)")
    found: dict[str, float] = scores(response, labels)
    return found


def _ask(tools: Tools, endpoint: str, text: str) -> dict[str, Any]:
    throttled = 0
    while True:
        try:
            answer: dict[str, Any] = call(
                tools.comprehend.classify_document,
                "ClassifyDocument",
                "--endpoint and --concurrency",
                # Amazon's own words may quote the text.
                quote=False,
                Text=text,
                EndpointArn=endpoint,
            )
        except CommandError as error:
            if error.kind is not Meaning.THROTTLED or throttled == _MOST_THROTTLED:
                raise
        else:
            return answer
        tools.wait(min(30.0, 2.0**throttled))
        throttled += 1
