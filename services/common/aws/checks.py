"""Whether the providers can be called: looked at when a service starts and ever so often, and told by its health.

A provider that cannot be called does not stop a service. It is not serving then, its log says which setting is to be
mended, and it serves as soon as that is done: also where it is mended elsewhere, as a role or an endpoint is.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from services.common import deadline, errors, telemetry
from services.common.aws.api import Api
from services.common.aws.errors import CREDENTIALS
from services.common.executor import BoundedExecutor

log = telemetry.logger("aws")

LONGEST_LOOK_S = 10.0

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
_ARN = re.compile(
    r"arn:aws[a-z\-]*:(?P<service>[a-z0-9\-]+):(?P<region>[a-z0-9\-]*):(?P<account>\d{12}|aws|):(?P<resource>\S+)"
)


@runtime_checkable
class Checked(Protocol):
    """A detector or backend with a provider behind it."""

    @property
    def name(self) -> str:
        """Its name, for the log."""
        ...

    def check(self) -> None:
        """Looks whether the provider can be called, without being billed. Blocks. Raises ProviderRejected if not."""
        ...


async def watch(checked: Sequence[Checked], interval_s: float, report: Callable[[bool], Awaitable[None]]) -> None:
    """Looks at each every `interval_s` seconds until cancelled; reports whether all can be called, and logs changes."""
    # Threads of its own: the workers may all be waiting for the very provider that is looked at.
    executor = BoundedExecutor("aws_checks", workers=len(checked), queue=0)
    usable = [False] * len(checked)

    async def follow(index: int, each: Checked) -> None:
        known = _Known()
        while True:
            usable[index] = await _look(executor, each, known)
            await report(all(usable))
            await asyncio.sleep(interval_s)

    try:
        async with asyncio.TaskGroup() as tasks:
            for index, each in enumerate(checked):
                tasks.create_task(follow(index, each))
    finally:
        executor.close()


@dataclass
class _Known:
    """What the last look that could tell has come to."""

    problem: str | None = None
    """None before the first look, "" where there is none."""
    setting: str = ""
    answered: bool = False
    """Whether AWS said so, and not boto3 alone."""


async def _look(executor: BoundedExecutor, each: Checked, known: _Known) -> bool:
    now = _Known("")
    try:
        # A provider that does not answer must not keep a service from starting, or from stopping.
        with deadline.bound(LONGEST_LOOK_S):
            await executor.run(each.check)
    except errors.ProviderRejected as error:
        now = _Known(error.message, error.metadata.get("setting", ""), "code" in error.metadata)
    except errors.SafelightError as error:
        # It cannot be told: the provider is down, or out of reach from here. Calls will say; what was wrong before
        # still is, but for credentials that were missing, without which we would not have come so far.
        log.info("provider.unchecked", provider=each.name, error=type(error).__name__)
        found = known.setting == CREDENTIALS and not known.answered
        now = _Known("") if known.problem is None or found else known
    except Exception as error:
        log.error("provider.check_failed", provider=each.name, kind=type(error).__name__)
        now = _Known("") if known.problem is None else known
    if now.problem != known.problem:
        if now.problem:
            log.error("provider.not_usable", provider=each.name, setting=now.setting, problem=now.problem)
        else:
            log.info("provider.usable", provider=each.name)
    known.problem, known.setting, known.answered = now.problem, now.setting, now.answered
    return not now.problem


def require_arn(api: Api, value: str, *, service: str, resource: str, setting: str = "") -> None:
    """Raises ProviderRejected unless `value` is an ARN of that service, in the client's region, whose resource begins
    with `resource`, such as "document-classifier-endpoint/".
    """
    match = _ARN.fullmatch(value)
    if match is None or match["service"] != service or not match["resource"].startswith(resource):
        raise api.reject(f"cannot be called: that is no ARN of {service} with {resource.rstrip('/')} in it", setting)
    if match["region"] and api.region and match["region"] != api.region:
        raise api.reject(f"cannot be called: that is in {match['region']} and the region is {api.region}", setting)


def describe(api: Api, operation: str, **parameters: Any) -> dict[str, Any] | None:
    """What a control plane says of the thing that is to be called; None where it cannot or will not say.

    Raises ProviderRejected where it does not know the thing or does not know us.
    """
    try:
        return api.call(operation, quiet=True, **parameters)
    except errors.ProviderRejected as error:
        if error.metadata.get("code") in _MAY_NOT_LOOK:
            return None
        raise


# Whoever may call an endpoint need not have leave to describe it.
_MAY_NOT_LOOK = frozenset({"AccessDenied", "AccessDeniedException", "NotAuthorized", "UnauthorizedOperation"})
