"""Whether the providers can be called: looked at when a service starts and ever so often, and told by its health.

A provider that cannot be called does not stop a service. It is not serving then, its log says which setting is to be
mended, and it serves as soon as that is done: also where it is mended elsewhere, as a role or an endpoint is.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, runtime_checkable

from services.common import errors, telemetry
from services.common.aws.api import Api
from services.common.aws.errors import CREDENTIALS
from services.common.executor import BoundedExecutor

log = telemetry.logger("aws")

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
    """Looks at all every `interval_s` seconds until cancelled; reports whether all can be called, and logs changes."""
    # Threads of its own: the workers may all be waiting for the very provider that is looked at.
    executor = BoundedExecutor("aws_checks", workers=len(checked), queue=0)
    known: dict[str, str | None] = {}
    settings: dict[str, str] = {}

    async def look(each: Checked) -> bool:
        try:
            await executor.run(each.check)
            problem, setting = "", ""
        except errors.ProviderRejected as error:
            problem, setting = error.message, error.metadata.get("setting", "")
        except errors.SafelightError as error:
            # It cannot be told: the provider is down, or out of reach from here. Calls will say; what was wrong before
            # still is, but for credentials, without which we would not have come so far.
            log.info("provider.unchecked", provider=each.name, error=type(error).__name__)
            setting = settings.get(each.name, "")
            problem = "" if setting == CREDENTIALS else known.get(each.name) or ""
        except Exception as error:
            log.error("provider.check_failed", provider=each.name, kind=type(error).__name__)
            problem, setting = known.get(each.name) or "", settings.get(each.name, "")
        if problem != known.get(each.name):
            if problem:
                log.error("provider.not_usable", provider=each.name, setting=setting, problem=problem)
            else:
                log.info("provider.usable", provider=each.name)
            known[each.name], settings[each.name] = problem, setting
        return not problem

    try:
        while True:
            await report(all(await asyncio.gather(*(look(each) for each in checked))))
            await asyncio.sleep(interval_s)
    finally:
        executor.close()


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
        return api.call(operation, **parameters)
    except errors.ProviderRejected as error:
        if error.metadata.get("code") in _MAY_NOT_LOOK:
            return None
        raise


# Whoever may call an endpoint need not have leave to describe it.
_MAY_NOT_LOOK = frozenset({"AccessDenied", "AccessDeniedException", "NotAuthorized", "UnauthorizedOperation"})
