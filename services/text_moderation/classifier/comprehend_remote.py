"""What the commands for Amazon Comprehend have in common: clients, calls that fail in one line, waiting."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, NoRegionError

from services.common.aws import clients
from services.common.aws.errors import Meaning, meaning
from services.common.settings import SettingsError, load
from services.text_moderation.settings import Settings

MISSING = "ResourceNotFoundException"

# Seconds without news after which a wait says that it still waits.
_QUIET_S = 600.0
# Looks in a row that may fail for a reason that passes before a wait gives up.
_FAILED_LOOKS = 10
# Parts of a file that boto3 uploads at a time.
_UPLOADS = 10

Properties = Mapping[str, Any]


class CommandError(Exception):
    """A command cannot go on: one line that names what to mend."""

    def __init__(self, message: str, *, status: int = 2, code: str = "", kind: Meaning | None = None) -> None:
        """`status` is the exit status: 2 for what the operator can mend, 1 for what failed at Amazon.

        `code` is Amazon's name for the error, "" where there was no answer, and `kind` what it means.
        """
        super().__init__(message)
        self.status = status
        self.code = code
        self.kind = kind


@dataclass(frozen=True)
class Tools:
    """What the commands work with; tests put their own wait and clock in."""

    comprehend: Any
    """A boto3 client."""
    storage: Callable[[], Any]
    """Makes another one, of S3, which not every command needs."""
    say: Callable[[str], None]
    ask: Callable[[str], bool]
    """Asks the operator a question. Raises CommandError where there is nobody to ask."""
    wait: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    poll: float = 30.0
    """Seconds between looks at what is being waited for."""

    @property
    def region(self) -> str:
        """Where the clients are."""
        return str(self.comprehend.meta.region_name)


def connect(*, region: str | None, endpoint_url: str | None, pool: int = 1) -> tuple[Any, Callable[[], Any]]:
    """A client of Comprehend, by the settings of text moderation, and what makes one of S3. Raises CommandError."""
    given = {"aws_region": region, "aws_endpoint_url": endpoint_url}
    try:
        # The detectors' own settings may be those that this is to find out.
        settings = load(
            Settings, detectors=("terms",), shadow_detectors=(), **{k: v for k, v in given.items() if v is not None}
        )
        session = clients.session(settings)
        if session.get_credentials() is None:
            raise CommandError(
                "no AWS credentials were found: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )
        made = clients.client(session, "comprehend", settings, pool=pool)
    except SettingsError as error:
        raise CommandError(str(error)) from None
    except NoRegionError:
        raise CommandError("no AWS region was found: give --region or set SAFELIGHT_AWS_REGION") from None
    except (BotoCoreError, ValueError) as error:
        # boto3 says ValueError for an address that is none.
        raise CommandError(f"{one_line(error)}; check --region, --endpoint-url and AWS_PROFILE") from None
    return made, cache(partial(clients.client, session, "s3", settings, pool=_UPLOADS))


def check(tools: Tools, shape_name: str, value: str, option: str) -> None:
    """Raises CommandError where a value breaks the limits that the service's model has for it."""
    limits = tools.comprehend.meta.service_model.shape_for(shape_name).metadata
    if not re.fullmatch(limits["pattern"].strip("^$"), value) or len(value) > limits["max"]:
        raise CommandError(
            f"{option}: {value!r} is not possible: at most {limits['max']} characters, {limits['pattern']}"
        )


def call(
    operation: Callable[..., Any], name: str, options: str, *, expect: str = "", quote: bool = True, **parameters: Any
) -> Any:
    """What an operation of a boto3 client answers, or its member `expect`.

    Raises CommandError, which names the operation and the `options` to look at, and has Amazon's own words if `quote`.
    """
    try:
        answer = operation(**parameters)
        return answer[expect] if expect else answer
    except Exception as error:  # botocore's parsers fail in many ways on what is no answer
        raise _refused(error, name, options, quote) from None


def _refused(error: Exception, what: str, options: str, quote: bool) -> CommandError:
    answered = isinstance(error, ClientError)
    code = str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""
    said = error.response.get("Error", {}).get("Message", "") if isinstance(error, ClientError) else error
    why = ": ".join(filter(None, (code or type(error).__name__, one_line(said) if quote else "")))
    kind = _kind(error)
    match kind:
        case Meaning.CREDENTIALS:
            text = f"is not allowed ({why}); check the policy of your AWS credentials (AWS_PROFILE) and {options}"
        case Meaning.THROTTLED if code == "ResourceLimitExceededException":
            text = f"would go beyond a quota of your account ({why}); check {options}"
        case Meaning.THROTTLED:
            text = f"is throttled ({why}); run the same command again, or raise SAFELIGHT_AWS_MAX_ATTEMPTS"
        case Meaning.UNAVAILABLE if code != "ResourceInUseException":
            text = f"failed ({why}); run the same command again, or check --endpoint-url"
        case None if not answered and not isinstance(error, BotoCoreError):
            text = f"was answered with something that makes no sense ({why}); check --endpoint-url"
        case _:
            text = f"is refused ({why}); check {options}"
    return CommandError(f"{what} {text}", code=code, kind=kind)


def _kind(error: Exception) -> Meaning | None:
    """What an error means; None for what botocore found wrong without an answer."""
    if isinstance(error, ClientError):
        about = error.response
        return meaning(str(about.get("Error", {}).get("Code", "")), int(about["ResponseMetadata"]["HTTPStatusCode"]))
    kinds = {each.__name__ for each in type(error).__mro__}
    if kinds & {"ConnectionError", "HTTPClientError", "IncompleteReadError"}:
        return Meaning.UNAVAILABLE
    return Meaning.CREDENTIALS if any("Credential" in name or "Token" in name for name in kinds) else None


def one_line(what: object) -> str:
    """What boto3 or Amazon says, as one line."""
    return " ".join(str(what).split())[:500]


def watch(
    tools: Tools, what: str, look: Callable[[], Properties | None], passing: Collection[str]
) -> Properties | None:
    """Looks until the status is none of `passing`, and says when it changes. What is found then, or None for gone."""
    began = said_at = tools.clock()
    said, failed = "", 0
    while True:
        try:
            found = look()
            failed = 0
        except CommandError as error:
            failed += 1
            # An hour's wait does not end with one failed look.
            if error.kind not in (Meaning.THROTTLED, Meaning.UNAVAILABLE) or failed > _FAILED_LOOKS:
                raise
            tools.wait(tools.poll)
            continue
        now = tools.clock()
        state = "gone" if found is None else str(found["Status"])
        if state != said or now - said_at >= _QUIET_S:
            tools.say(f"  {_elapsed(now - began)} {what} {'still ' if state == said else ''}{state}")
            said, said_at = state, now
        if found is None or state not in passing:
            return found
        tools.wait(tools.poll)


def _elapsed(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
