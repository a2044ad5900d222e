"""boto3 clients, made once from the settings, whose waits end with the call that is being served.

botocore sets its timeouts once for a client. Here each attempt gets what is left of the call's deadline (deadline.py),
and none is repeated that could not end in time.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from services.common import deadline, errors
from services.common.aws.errors import LEAST_S, MOST_RESERVE_S, Origin, rejected, translate
from services.common.settings import ProviderSettings

if TYPE_CHECKING:
    from urllib3 import Timeout

MOST_BYTES = 256 << 20
"""Of one answer: of a model's image, of an object in S3."""
_CHUNK = 1 << 16
# Of what is left: see MOST_RESERVE_S.
_RESERVE_SHARE = 0.1


def build(service: str, settings: ProviderSettings, *, pool: int) -> Any:
    """A client of `service`, such as "rekognition", which up to `pool` threads use at a time.

    Raises what botocore does where there is no region. Without credentials it is made all the same, and every call of
    it raises; see `session()`.
    """
    return client(session(settings), service, settings, pool=pool)


def session(settings: ProviderSettings) -> Any:
    """A boto3 session in the region of the settings. It looks for credentials when it is first asked for them."""
    import boto3

    return boto3.session.Session(region_name=settings.aws_region)


def client(session: Any, service: str, settings: ProviderSettings, *, pool: int) -> Any:
    """See build()."""
    from botocore.config import Config

    config = Config(
        connect_timeout=settings.aws_connect_timeout_s,
        read_timeout=settings.aws_read_timeout_s,
        max_pool_connections=pool,
        retries={"mode": "standard", "total_max_attempts": settings.aws_max_attempts},
        user_agent_extra=f"safelight/{_version()}",
        tcp_keepalive=True,
    )
    made = session.client(service, endpoint_url=settings.aws_endpoint_url, config=config)
    _cut_to_deadline(made, settings)
    return made


def _cut_to_deadline(client: Any, settings: ProviderSettings) -> None:
    from botocore.retries import standard

    def limit_attempt(request: Any, **_: Any) -> None:
        left = time_left()
        if left is not None and left < LEAST_S:
            raise errors.DeadlineExceeded("no time was left to ask")
        # Read by botocore's HTTP session for this one attempt.
        longest = settings.aws_read_timeout_s
        request.context["read_timeout"] = longest if left is None else min(longest, left)

    def send_in_time(request: Any, **_: Any) -> Any:
        return _send(http_session, request)

    # The time for connecting can be told to the session only, which asks for it at each attempt.
    http_session = client._endpoint.http_session
    http_session._timeout = _timeout(settings.aws_connect_timeout_s, settings.aws_read_timeout_s)
    name = client.meta.service_model.service_id.hyphenize()
    events = client.meta.events
    events.register(f"request-created.{name}", limit_attempt)
    events.register(f"before-send.{name}", send_in_time)
    # botocore has no public way to bound the wait before another attempt: its own handler of the mode "standard" is put
    # behind one that asks for the time left.
    retry = f"needs-retry.{name}"
    events.unregister(retry, unique_id=f"retry-config-{name}")
    handler = standard.register_retry_handler(client, settings.aws_max_attempts)
    events.unregister(retry, unique_id=f"retry-config-{name}")
    events.register(retry, _within_time(handler.needs_retry), unique_id=f"retry-config-{name}")


def _send(http_session: Any, request: Any) -> Any:
    """Sends a request and reads the answer to its end, in the time that is left.

    botocore bounds each silence, and a server that never falls silent could keep it reading for ever. Nor does it
    compare what came with the length that was announced: an answer that was cut off would pass for another.
    """
    import urllib3
    from botocore import awsrequest, exceptions

    request.stream_output = True  # as it is done for operations that stream: the body is left to us
    response = http_session.send(request)
    body = _Body()
    try:
        while chunk := response.raw.read1(_CHUNK):
            body.write(chunk)
            if body.tell() > MOST_BYTES:
                raise exceptions.HTTPClientError(error=f"an answer of more than {MOST_BYTES:,} bytes", request=request)
            left = time_left()
            if left is not None and left <= 0:
                raise exceptions.ReadTimeoutError(endpoint_url=request.url)
        announced = response.headers.get("content-length")
        if request.method != "HEAD" and announced is not None and body.tell() < int(announced):
            raise exceptions.ConnectionClosedError(request=request, endpoint_url=request.url)
    except urllib3.exceptions.TimeoutError:
        response.raw.close()
        raise exceptions.ReadTimeoutError(endpoint_url=request.url) from None
    except urllib3.exceptions.HTTPError:
        response.raw.close()
        raise exceptions.ConnectionClosedError(request=request, endpoint_url=request.url) from None
    except BaseException:
        response.raw.close()
        raise
    response.raw.release_conn()
    body.seek(0)
    return awsrequest.AWSResponse(response.url, response.status_code, response.headers, body)


class _Body(io.BytesIO):
    """A body that has been read, as botocore reads bodies."""

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        """All of it."""
        yield self.read()


def _within_time(needs_retry: Callable[..., float | None]) -> Callable[..., float | None]:
    def needs_retry_in_time(**event: Any) -> float | None:
        delay = needs_retry(**event)
        left = time_left()
        if delay is not None and left is not None and left < delay + LEAST_S:
            return None
        return delay

    return needs_retry_in_time


def time_left() -> float | None:
    """Seconds that waiting for a provider may take, a reserve for our answer taken off; None for no limit."""
    left = deadline.remaining()
    return None if left is None else left - min(MOST_RESERVE_S, _RESERVE_SHARE * left)


def _timeout(connect: float, read: float) -> Timeout:
    from urllib3 import Timeout

    class CutToDeadline(Timeout):
        """The time for connecting is what is left, if that is less."""

        @property
        def connect_timeout(self) -> float:
            left = time_left()
            return connect if left is None else max(LEAST_S, min(connect, left))

    return CutToDeadline(connect=connect, read=read)


def _is_refreshed(credentials: Any) -> bool:
    """Whether botocore itself sees to it that they do not expire. Looking for them anew is a call to AWS."""
    from botocore.credentials import RefreshableCredentials

    return isinstance(credentials, RefreshableCredentials)


def _version() -> str:
    try:
        return version("safelight")
    except PackageNotFoundError:  # a container carries the code without installing it
        return "0"


class Connection:
    """One client, made when it first can be, and made anew where its credentials were changed.

    Without credentials or a region there is none, and asking for it raises what the last attempt at making it did:
    looking for credentials takes seconds where there are none.
    """

    def __init__(self, service: str, settings: ProviderSettings, *, pool: int) -> None:
        """Makes nothing yet: see connect()."""
        self._service = service
        self._settings = settings
        self._pool = pool
        self._client: Any = None
        self._session: Any = None
        self._credentials: Any = None
        self._failure: errors.SafelightError | None = None

    def connect(self, origin: Origin) -> Any:
        """The client, made now if it was not or has other credentials than there are now. Blocks.

        Raises ProviderRejected naming what is missing.
        """
        from botocore.exceptions import NoCredentialsError

        try:
            # boto3 looks once for credentials that stand in a file, so that only a new session sees that they changed.
            lasting = self._session is not None and _is_refreshed(self._session.get_credentials())
            opened = self._session if lasting else session(self._settings)
            credentials = opened.get_credentials()
            if credentials is None:
                raise NoCredentialsError
            # Those of a role are fetched, and fetched again before they expire.
            frozen = credentials.get_frozen_credentials()
            if self._client is None or not (lasting or frozen == self._credentials):
                self._client = client(opened, self._service, self._settings, pool=self._pool)
                self._session, self._credentials = opened, frozen
        except Exception as cause:
            failure = translate(cause, origin)
            if isinstance(failure, errors.ModelResponseInvalid):
                # Nobody was asked yet: boto3 makes no sense of an address, or cannot read its own files.
                what = f"cannot be called: boto3 cannot be set up ({type(cause).__name__})"
                failure = rejected(origin, origin.variables[1], what)
            self._failure = failure
            raise failure from None
        self._failure = None
        return self._client

    def client(self, origin: Origin) -> Any:
        """The client. Raises ProviderRejected where there is none."""
        if self._client is not None:
            return self._client
        failure = self._failure
        if failure is not None:
            # Another one each time: an exception keeps all that its callers had at hand, for as long as it is kept.
            raise type(failure)(failure.message, metadata=failure.metadata, retry_after=failure.retry_after)
        return self.connect(origin)

    @property
    def region(self) -> str | None:
        """The client's region; None while there is no client."""
        return str(self._client.meta.region_name) if self._client is not None else None
