"""One AWS service as a provider: a call that records what it used and fails in our terms."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from safelight.common.v1 import provider_usage_pb2
from services.common import errors, records, telemetry
from services.common.aws.clients import Connection
from services.common.aws.errors import Origin, code_of, nonsense, rejected, translate
from services.common.moderation import as_duration
from services.common.settings import ProviderSettings

log = telemetry.logger("aws")

Response = dict[str, Any]
Quantity = float | Callable[[Response, float], float]


class Api:
    """Calls the operations of one AWS service. Safe to use from several threads at a time."""

    def __init__(self, service: str, settings: ProviderSettings, *, origin: Origin, pool: int) -> None:
        """`service` is boto3's name, such as "sagemaker-runtime"; `origin` stands in every error; `pool` is how many
        threads may call at a time.
        """
        self.origin = origin
        self._service = service
        self._connection = Connection(service, settings, pool=pool)

    @classmethod
    def of(
        cls,
        service: str,
        settings: ProviderSettings,
        *,
        provider: str,
        stage: str,
        setting: str,
        field: str = "",
        pool: int | None = None,
    ) -> Api:
        """With the names of a service's own variables; `setting` is the field that names what is called."""
        variables = settings.variable("aws_region"), settings.variable("aws_endpoint_url")
        origin = Origin(provider, stage, settings.variable(setting), field, variables)
        return cls(service, settings, origin=origin, pool=settings.workers if pool is None else pool)

    def about(self, field: str) -> Api:
        """The same, with the same client, for calls about another field of the caller's request."""
        other = copy.copy(self)
        other.origin = replace(self.origin, field=field)
        return other

    def connect(self) -> None:
        """Makes the client if there is none, and looks for credentials. Blocks. Raises ProviderRejected."""
        self._connection.connect(self.origin)

    @property
    def region(self) -> str | None:
        """The client's region; None while there is no client."""
        return self._connection.region

    def call(
        self,
        operation: str,
        *,
        unit: str = "",
        quantity: Quantity = 0,
        expect: Collection[str] = (),
        tolerate: Callable[[Response], bool] | None = None,
        quiet: bool = False,
        **parameters: Any,
    ) -> Response:
        """Calls an operation, such as "DetectModerationLabels", and records its use. Blocks.

        `quantity` units are billed, or what a function of the response and the seconds it took says. The response is
        boto3's, a stream read to its end; one that lacks a member of `expect` makes no sense. Raises a SafelightError
        for whatever goes wrong. An error's answer that `tolerate` accepts is returned in its place, with the members
        "Error" and "ResponseMetadata" that boto3 gives it: some say what we have to know, and are no failure. With
        `quiet` a failure is logged at debug level: its caller tells.
        """
        from botocore import xform_name

        client = self._connection.client(self.origin)
        started = time.perf_counter_ns()
        try:
            response: Response = getattr(client, xform_name(operation))(**parameters)
            for member, value in response.items():
                if hasattr(value, "iter_chunks"):
                    response[member] = value.read()
        except Exception as cause:
            refusal = getattr(cause, "response", None)
            if tolerate is None or not isinstance(refusal, dict) or not tolerate(refusal):
                error = translate(cause, self.origin)
                self._log_failure(operation, error, cause, quiet=quiet)
                raise error from None
            response, expect = refusal, ()
        took = time.perf_counter_ns() - started
        about = response.get("ResponseMetadata", {})
        usage = provider_usage_pb2.ProviderUsage(
            provider=self.origin.provider,
            operation=operation,
            request_id=request_id(about),
            attempts=1 + int(about.get("RetryAttempts", 0)),
        )
        usage.duration.CopyFrom(as_duration(took))
        if unit:
            usage.unit = unit
            usage.quantity = quantity(response, took / 1e9) if callable(quantity) else quantity
        records.used(usage)
        missing = sorted(set(expect) - set(response))
        if missing or _has_wrong_types(client, operation, response):
            what = f"without {', '.join(missing)}" if missing else "with members of other types than it should have"
            error = nonsense(self.origin, f"answered {operation} {what}")
            self._log_failure(operation, error, None, usage.request_id, quiet=quiet)
            raise error
        return response

    def reject(self, what: str, setting: str = "") -> errors.ProviderRejected:
        """The error for a setting that cannot work, by default the one that names what is called."""
        return rejected(self.origin, setting or self.origin.setting, what)

    def nonsense(self, what: str) -> errors.ModelResponseInvalid:
        """The error for an answer that makes no sense."""
        return nonsense(self.origin, what)

    def _log_failure(
        self,
        operation: str,
        error: errors.SafelightError,
        cause: Exception | None,
        request: str = "",
        *,
        quiet: bool = False,
    ) -> None:
        about: Mapping[str, Any] = getattr(cause, "response", None) or {}
        (log.debug if quiet else log.warning)(
            "provider.failed",
            provider=self.origin.provider,
            operation=operation,
            error=type(error).__name__,
            cause=code_of(about) or type(cause or error).__name__,
            provider_request_id=request or request_id(about.get("ResponseMetadata", {})),
            attempts=1 + int(about.get("ResponseMetadata", {}).get("RetryAttempts", 0)),
            setting=error.metadata.get("setting", ""),
        )


def _has_wrong_types(client: Any, operation: str, response: Response) -> bool:
    """Whether a member is of another type than the operation's model says: botocore's parsers let that pass."""
    from botocore.validate import ParamValidator

    if "Error" in response:
        return False
    shape = client.meta.service_model.operation_model(operation).output_shape
    members = {name: value for name, value in response.items() if name != "ResponseMetadata"}
    # Of lengths and ranges the models say what requests may have; answers are not always held to it.
    report = ParamValidator().validate(members, shape).generate_report()
    return any(line.startswith("Invalid type") for line in report.splitlines())


def request_id(about: Mapping[str, Any]) -> str:
    """The id in a response's metadata; "" if there is none."""
    return str(about.get("RequestId") or about.get("HTTPHeaders", {}).get("x-amzn-requestid", ""))
