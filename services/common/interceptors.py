"""What surrounds every call: its context for logs, its readiness check, and its errors as google.rpc.Status."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from services.common import deadline, errors, telemetry

log = telemetry.logger("rpc")

_RETRY_PUSHBACK_KEY = "grpc-retry-pushback-ms"

# Health and reflection answer also while a service is loading, and are not worth a log line each.
_INFRASTRUCTURE = ("/grpc.health.", "/grpc.reflection.")


class CallInterceptor(grpc.aio.ServerInterceptor):
    """Wraps every handler of ours; see the module's docstring."""

    def __init__(self, service: str, is_ready: Callable[[], bool]) -> None:
        """`service` is the short name, such as "gateway"; calls are refused with NOT_READY while not `is_ready()`."""
        self._service = service
        self._is_ready = is_ready
        # Bound once, which saves putting the logger together for every line; so are the handlers, by method.
        self._log = log.bind()
        self._wrapped: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Called by grpc once for each call, before its handler."""
        method = handler_call_details.method
        if method in self._wrapped:
            return self._wrapped[method]
        handler = await continuation(handler_call_details)
        if handler is None or method.startswith(_INFRASTRUCTURE):
            return handler
        self._wrapped[method] = self._wrap(method, handler)
        return self._wrapped[method]

    def _wrap(self, method: str, handler: grpc.RpcMethodHandler[Any, Any]) -> grpc.RpcMethodHandler[Any, Any]:
        decode = _lenient(handler.request_deserializer)
        behavior: Any = handler.unary_stream if handler.response_streaming else handler.unary_unary
        if handler.response_streaming:

            async def stream(request: Any, context: Any) -> None:
                async def respond() -> None:
                    _require(request)
                    # Closed here, whatever happens, so that nothing a handler began outlives its call.
                    async with contextlib.aclosing(behavior(request, context)) as responses:
                        async for response in responses:
                            await context.write(response)

                await self._surround(method, context, respond)

            return grpc.unary_stream_rpc_method_handler(stream, decode, handler.response_serializer)

        async def unary(request: Any, context: Any) -> Any:
            async def respond() -> Any:
                _require(request)
                return await behavior(request, context)

            return await self._surround(method, context, respond)

        return grpc.unary_unary_rpc_method_handler(unary, decode, handler.response_serializer)

    async def _surround(self, method: str, context: Any, respond: Callable[[], Awaitable[Any]]) -> Any:
        """What `respond()` returns; how it ends is logged and, where that is an error, made a status."""
        call = telemetry.continue_call(context.invocation_metadata())
        started = time.monotonic()
        outcome: dict[str, str] = {"code": "OK"}
        with telemetry.bound(call, service=self._service), deadline.bound(context.time_remaining()):
            try:
                if not self._is_ready():
                    raise errors.NotReady(
                        f"{self._service} is still loading or cannot reach what it needs; try again shortly",
                        metadata={"service": self._service},
                    )
                response = await respond()
                context.set_trailing_metadata(((telemetry.REQUEST_ID_KEY, call.request_id),))
                return response
            except errors.SafelightError as error:
                outcome = {"code": error.code.name, "error": str(error.__class__.__name__)}
                await _abort(context, error, call)
            except asyncio.CancelledError:
                outcome = {"code": "CANCELLED"}
                raise
            except Exception as cause:
                error_id = secrets.token_hex(8)
                outcome = {"code": "INTERNAL", "error": type(cause).__name__, "error_id": error_id}
                # Where it happened, but not its text, which may quote a prompt.
                self._log.error(
                    "rpc.unexpected", method=method, error_id=error_id, at=_where(cause), kind=type(cause).__name__
                )
                await _abort(
                    context,
                    errors.Unexpected(
                        f"something unexpected happened; quote error id {error_id} to the operator",
                        metadata={"error_id": error_id},
                    ),
                    call,
                )
            finally:
                self._log.info(
                    "rpc.finished",
                    method=method,
                    duration_ms=round((time.monotonic() - started) * 1000, 2),
                    **outcome,
                )


def _lenient(deserialize: Callable[[bytes], Any] | None) -> Callable[[bytes], Any] | None:
    """Gives None for bytes that are no message, where grpc would end the call with UNKNOWN and a traceback."""
    if deserialize is None:
        return None

    def decode(data: bytes) -> Any:
        try:
            return deserialize(data)
        except DecodeError:
            return None

    return decode


def _require(request: Any) -> None:
    if request is None:
        raise errors.InvalidArgument([errors.FieldViolation("request", "is no message of its type")])


async def _abort(context: Any, error: errors.SafelightError, call: telemetry.CallContext) -> None:
    status = errors.to_status(error)
    trailing = [
        (errors.STATUS_DETAILS_KEY, status.SerializeToString()),
        (telemetry.REQUEST_ID_KEY, call.request_id),
    ]
    if isinstance(error, errors.ProviderUnavailable):
        # It has been asked again already, and each time may be billed: callers' own retries would multiply that.
        # https://github.com/grpc/proposal/blob/master/A6-client-retries.md#pushback
        trailing.append((_RETRY_PUSHBACK_KEY, "-1"))
    await context.abort(error.code, error.message, trailing_metadata=tuple(trailing))


def _where(cause: BaseException) -> list[str]:
    frames, trace = [], cause.__traceback__
    while trace is not None:
        frames.append(f"{trace.tb_frame.f_code.co_filename.rsplit('/', 3)[-1]}:{trace.tb_lineno}")
        trace = trace.tb_next
    return frames[-6:]
