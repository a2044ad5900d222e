"""The commands of `safelight`, with Typer and Rich. Entered through cli.py, which says what to install without them."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from google.protobuf import json_format
from google.protobuf.message import Message
from rich.console import Console
from typer.core import TyperCommand

from safelight import _names, _progress
from safelight._generation import GeneratedImage, write_new
from safelight._progress import StreamView, print_line, printable
from safelight.client import DEFAULT, DEFAULT_TARGET, Client, Health, Timeout, Tls, version
from safelight.common.v1 import category_pb2, finding_pb2
from safelight.errors import DeadlineExceeded, InvalidArgument, SafelightError, Unavailable
from safelight.gateway.v1 import gateway_pb2

FAILED, USAGE, REFUSED, UNREACHABLE, TIMED_OUT, INTERRUPTED = 1, 2, 3, 4, 5, 130

EXIT_CODES = """
**Exit status**

- 0: delivered, or nothing was flagged

- 1: any other error

- 2: wrong usage, or the service refuses an argument

- 3: refused by policy: prompt rejected, every image withheld, or what was moderated is flagged

- 4: the gateway cannot be reached, or is not ready

- 5: the timeout ran out

- 130: interrupted
"""

app = typer.Typer(
    help="Safe text-to-image generation from the command line.\n" + EXIT_CODES,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    # A stack trace would show local variables, and prompts are private.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@dataclass
class Options:
    """The options that all commands share."""

    target: str
    api_key: str | None
    ca_file: Path | None
    cert_file: Path | None
    key_file: Path | None
    server_name: str | None
    tls: bool
    json: bool

    def client(self) -> Client:
        """A client for these options. Raises ValueError or OSError when they cannot be."""
        files = (self.ca_file, self.cert_file, self.key_file, self.server_name)
        tls = Tls(*files) if self.tls or any(files) else None
        return Client(self.target, tls=tls, api_key=self.api_key or None)


class Command(TyperCommand):
    """Takes the shared options after the command's name too: `safelight generate "A dog" --json`."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The command's own parameters and the shared ones."""
        return [*super().get_params(ctx), *_shared(ctx)]

    def invoke(self, ctx: Any) -> Any:
        """Lets the shared options that stand after the name override those before it."""
        for option in _shared(ctx):
            value = ctx.params.pop(option.name)
            if ctx.get_parameter_source(option.name).name == "COMMANDLINE":
                setattr(ctx.obj, option.name, value)
        return super().invoke(ctx)


def _shared(ctx: Any) -> list[Any]:
    return [option for option in ctx.parent.command.params if option.name in Options.__dataclass_fields__]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"safelight {version()}")
        raise typer.Exit


_CONNECTION = "Connection and output (before or after the command)"


@app.callback()
def shared_options(
    context: typer.Context,
    target: Annotated[
        str,
        typer.Option(envvar="SAFELIGHT_TARGET", help="The gateway's address.", rich_help_panel=_CONNECTION),
    ] = DEFAULT_TARGET,
    api_key: Annotated[
        str | None,
        typer.Option(
            envvar="SAFELIGHT_API_KEY",
            help="Key to send with every call. Better in the variable: arguments can be seen by other users.",
            show_envvar=True,
            rich_help_panel=_CONNECTION,
        ),
    ] = None,
    tls: Annotated[
        bool,
        typer.Option(
            "--tls",
            envvar="SAFELIGHT_TLS",
            help="Connect with TLS. Implied by the next four.",
            rich_help_panel=_CONNECTION,
        ),
    ] = False,
    ca_file: Annotated[
        Path | None,
        typer.Option(
            "--tls-ca",
            envvar="SAFELIGHT_TLS_CA",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="Roots to trust (PEM).",
            rich_help_panel=_CONNECTION,
        ),
    ] = None,
    cert_file: Annotated[
        Path | None,
        typer.Option(
            "--tls-cert",
            envvar="SAFELIGHT_TLS_CERT",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="Our certificate (PEM), for mutual TLS.",
            rich_help_panel=_CONNECTION,
        ),
    ] = None,
    key_file: Annotated[
        Path | None,
        typer.Option(
            "--tls-key",
            envvar="SAFELIGHT_TLS_KEY",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="Its private key (PEM).",
            rich_help_panel=_CONNECTION,
        ),
    ] = None,
    server_name: Annotated[
        str | None,
        typer.Option(
            "--tls-server-name",
            envvar="SAFELIGHT_TLS_SERVER_NAME",
            metavar="NAME",
            help="Name to expect in the gateway's certificate, where it is not the target's.",
            rich_help_panel=_CONNECTION,
        ),
    ] = None,
    json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="For scripts: messages in protobuf's JSON mapping on stdout, one a line; an error is the last line.",
            rich_help_panel=_CONNECTION,
        ),
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit.")
    ] = False,
) -> None:
    """Keeps the shared options for the command."""
    context.obj = Options(target, api_key, ca_file, cert_file, key_file, server_name, tls, json)


class ImageFormatName(StrEnum):
    """What --format takes."""

    PNG = "png"
    JPEG = "jpeg"
    WEBP = "webp"


class RedactionName(StrEnum):
    """What --redact takes."""

    BLUR_IMAGE = "blur-image"
    BLUR_REGIONS = "blur-regions"


TimeoutOption = Annotated[
    float | None,
    typer.Option(metavar="SECONDS", help="Seconds for the call; 0 for no limit. [default: 300 to generate, else 30]"),
]
ThresholdsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--threshold",
        metavar="CATEGORY=0..1",
        help="Confidence from which findings of a category count, or CATEGORY=ignore. May be repeated.",
    ),
]
DetectorsOption = Annotated[
    list[str] | None, typer.Option("--detector", metavar="NAME", help="Run this detector only. May be repeated.")
]
AllDetectorsOption = Annotated[
    bool, typer.Option("--all-detectors", help="Do not stop at the first detector that flags.")
]


@app.command(cls=Command)
def generate(
    context: typer.Context,
    prompt: Annotated[str, typer.Argument(help="What to draw; - reads it from stdin.")],
    negative: Annotated[str, typer.Option(help="What to leave out.")] = "",
    width: Annotated[int, typer.Option(help="Pixels, 64 to 2048, a multiple of 8. 0: 512.")] = 0,
    height: Annotated[int, typer.Option(help="Pixels, 64 to 2048, a multiple of 8. 0: 512.")] = 0,
    steps: Annotated[int, typer.Option(help="Denoising steps, 1 to 150. 0: the generator's default.")] = 0,
    guidance: Annotated[
        float | None, typer.Option(help="How closely to follow the prompt, 0 to 30.", show_default="the generator's")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Start of the randomness.", show_default="random")] = None,
    count: Annotated[int, typer.Option(help="How many images, 1 to 8. 0: 1.")] = 0,
    format: Annotated[ImageFormatName | None, typer.Option(help="Encoding.", show_default="png")] = None,
    policy: Annotated[str, typer.Option(help="Policy to apply; see: safelight policies.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Moderate the prompt only; say what would happen.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(file_okay=False, metavar="DIR", help="Where to save images.", show_default=".")
    ] = None,
    json_images: Annotated[
        bool,
        typer.Option(
            "--json-images", help="Put the image bytes into the JSON (base64); saves files only where --out is given."
        ),
    ] = False,
    timeout: TimeoutOption = None,
) -> None:
    """Generate images: moderated prompt, moderated images, every step shown."""
    options: Options = context.obj
    as_json = options.json or json_images
    if out is None and not json_images:
        out = Path()
    with _errors(as_json), options.client() as client:
        prompt = _argument_or_stdin(prompt)
        if out is not None and not dry_run:
            out.mkdir(parents=True, exist_ok=True)
        outcome = gateway_pb2.OUTCOME_UNSPECIFIED
        stdout = _console()
        with (
            client.generate(
                prompt,
                negative_prompt=negative,
                width=width,
                height=height,
                steps=steps,
                guidance_scale=guidance,
                seed=seed,
                count=count,
                output_format=format.value if format else None,
                policy=policy,
                dry_run=dry_run,
                timeout=_timeout(timeout),
            ) as generation,
            contextlib.nullcontext() if as_json else StreamView(stdout, prompt) as view,
        ):
            for event in generation:
                saved = None
                if event.WhichOneof("event") == "image_produced" and event.image_produced.image and out is not None:
                    saved = GeneratedImage.from_event(event.image_produced).save(out)
                if view is None:
                    _print_json(_event_json(event, saved, json_images))
                else:
                    view.feed(event, saved)
            outcome = generation.result().outcome
    if outcome in (gateway_pb2.OUTCOME_PROMPT_REJECTED, gateway_pb2.OUTCOME_WITHHELD):
        raise typer.Exit(REFUSED)


@app.command("moderate-text", cls=Command)
def moderate_text(
    context: typer.Context,
    text: Annotated[str, typer.Argument(help="The text; - reads it from stdin.")],
    threshold: ThresholdsOption = None,
    detector: DetectorsOption = None,
    all_detectors: AllDetectorsOption = False,
    timeout: TimeoutOption = None,
) -> None:
    """Say whether a text is flagged, and mark what in it."""
    options: Options = context.obj
    with _errors(options.json), options.client() as client:
        text = _argument_or_stdin(text)
        response = client.moderate_text(
            text,
            thresholds=_thresholds(threshold),
            detectors=detector or (),
            run_all_detectors=all_detectors,
            timeout=_timeout(timeout),
        )
        if options.json:
            _print_json(_message_json(response))
        else:
            console = _console()
            _print_verdict(console, response.flagged)
            if console.is_terminal:
                carets = console.no_color or console.color_system is None
                for row in _progress.mark(text, response.findings, width=console.width, carets=carets):
                    console.print(row, soft_wrap=True)
            _print_findings(console, response.findings)
            print_line(console, ("detectors  ", "dim"), _progress.format_detector_runs(response.detector_runs))
    if response.flagged:
        raise typer.Exit(REFUSED)


@app.command("moderate-image", cls=Command)
def moderate_image(
    context: typer.Context,
    image: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="PNG, JPEG or WebP file; - reads it from stdin; s3://bucket/key for one in Amazon S3."
        ),
    ],
    redact: Annotated[RedactionName | None, typer.Option(help="Save a redacted copy if it is flagged.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="File (replaced) or directory for the copy.", show_default="here"),
    ] = None,
    threshold: ThresholdsOption = None,
    detector: DetectorsOption = None,
    all_detectors: AllDetectorsOption = False,
    timeout: TimeoutOption = None,
) -> None:
    """Say whether an image is flagged, and where; make a copy that may be shown."""
    options: Options = context.obj
    from_stdin, in_s3, file = image == "-", image.startswith("s3://"), Path(image)
    if not from_stdin and not in_s3 and not file.is_file():
        raise typer.BadParameter(f"{printable(image)!r} is not a file", param_hint="FILE")
    with _errors(options.json), options.client() as client:
        response = client.moderate_image(
            sys.stdin.buffer.read() if from_stdin else image,
            thresholds=_thresholds(threshold),
            detectors=detector or (),
            run_all_detectors=all_detectors,
            redaction=redact.value if redact else None,
            timeout=_timeout(timeout),
        )
        saved = None
        copy = response.delivery_copy
        if copy.image:
            target = out or Path()
            if target.is_dir():
                saved = write_new(
                    target, f"{'image' if from_stdin else file.stem}-redacted", copy.media_type, copy.image
                )
            else:
                target.write_bytes(copy.image)
                saved = target
        if options.json:
            message = _message_json(response)
            if copy.image:
                _replace_bytes(message["deliveryCopy"], len(copy.image), saved)
            _print_json(message)
        else:
            console = _console()
            _print_verdict(console, response.flagged)
            _print_findings(console, response.findings)
            if response.width:
                size = f"{response.width} x {response.height}, {printable(response.media_type)}"
                print_line(console, ("image      ", "dim"), size)
            print_line(console, ("detectors  ", "dim"), _progress.format_detector_runs(response.detector_runs))
            if saved is not None:
                print_line(console, ("redacted   ", "dim"), (printable(str(saved)), "bold"))
            elif redact is not None:
                print_line(console, ("redacted   ", "dim"), "nothing: the image is not flagged")
    if response.flagged:
        raise typer.Exit(REFUSED)


@app.command(cls=Command)
def policies(context: typer.Context, timeout: TimeoutOption = None) -> None:
    """List the policies that may be named, and what each does."""
    options: Options = context.obj
    with _errors(options.json), options.client() as client:
        response = client.list_policies(timeout=_timeout(timeout))
        if options.json:
            _print_json(_message_json(response))
            return
        console = _console()
        for policy in response.policies:
            default = "  (default)" if policy.name == response.default_policy else ""
            print_line(
                console,
                (printable(policy.name), "bold"),
                f" {printable(policy.version)}",
                (default, "green"),
                f"  {printable(policy.description)}",
            )
            again = [_names.words(gateway_pb2.Regeneration, each) for each in policy.regenerations]
            unsafe_image = ", then ".join(
                [f"regenerate ({each})" for each in again]
                + [_names.words(gateway_pb2.UnsafeImageAction, policy.on_unsafe_image)]
            )
            failure = _names.words(gateway_pb2.ModeratorFailureAction, policy.on_text_moderation_failure)
            for name, value in (
                ("unsafe prompt", _names.words(gateway_pb2.UnsafePromptAction, policy.on_unsafe_prompt)),
                ("unsafe image", unsafe_image),
                ("no answer from text moderation", f"fail {failure}"),
            ):
                print_line(console, (f"  {name}: ", "dim"), value)


@app.command(cls=Command)
def health(
    context: typer.Context,
    service: Annotated[str, typer.Option(help="Full gRPC service name.", show_default="the gateway as a whole")] = "",
    timeout: TimeoutOption = None,
) -> None:
    """Say whether the gateway, and all behind it, is ready."""
    options: Options = context.obj
    with _errors(options.json), options.client() as client:
        status = client.health(service, timeout=_timeout(timeout))
        if options.json:
            _print_json({"status": status.name})
        else:
            style = "green" if status is Health.SERVING else "bold red"
            print_line(_console(), (status.name.lower().replace("_", " "), style), f"  {printable(options.target)}")
    if status is not Health.SERVING:
        raise typer.Exit(UNREACHABLE)


def _console(*, stderr: bool = False) -> Console:
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False)


@contextlib.contextmanager
def _errors(as_json: bool) -> Iterator[None]:
    """Turns what a command raises into a message on stderr (and a last line of JSON) and an exit status."""
    try:
        yield
    except SafelightError as error:
        if as_json:
            _print_json({"error": _error_json(error)})
        _print_error(error)
        raise typer.Exit(_status(error)) from None
    except BrokenPipeError:
        raise  # Whoever read our output has left: Typer ends the command without a word.
    except (ValueError, OSError) as error:
        refused = isinstance(error, ValueError)
        if as_json:
            _print_json({"error": {"code": "INVALID_ARGUMENT" if refused else "UNKNOWN", "message": str(error)}})
        print_line(_console(stderr=True), ("error: ", "bold red"), printable(str(error)))
        raise typer.Exit(USAGE if refused else FAILED) from None
    except KeyboardInterrupt:
        print_line(_console(stderr=True), ("interrupted: the call was cancelled", "bold"))
        raise typer.Exit(INTERRUPTED) from None


def _status(error: SafelightError) -> int:
    match error:
        case InvalidArgument():
            return USAGE
        case Unavailable():
            return UNREACHABLE
        case DeadlineExceeded():
            return TIMED_OUT
        case _:
            return FAILED


def _print_error(error: SafelightError) -> None:
    console = _console(stderr=True)
    if error.field_violations:
        print_line(console, ("error: ", "bold red"), "the request was refused:")
        for violation in error.field_violations:
            print_line(console, f"  {printable(violation.field)}: ", printable(violation.description))
    else:
        print_line(console, ("error: ", "bold red"), printable(error.message))
    facts = [error.code.name, *([printable(error.reason)] if error.reason else [])]
    facts += [f"{printable(key)} {printable(value)}" for key, value in error.metadata.items() if key != "fields"]
    if error.retry_after is not None:
        facts.append(f"try again after {error.retry_after:g} s")
    if error.request_id:
        facts.append(f"request {printable(error.request_id)}")
    print_line(console, ("  " + ", ".join(facts), "dim"))


def _error_json(error: SafelightError) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "code": error.code.name,
        "reason": error.reason,
        "message": error.message,
        "metadata": error.metadata,
        "fieldViolations": [{"field": v.field, "description": v.description} for v in error.field_violations],
        "requestId": error.request_id,
    }
    if error.retry_after is not None:
        fields["retryAfterSeconds"] = error.retry_after
    return fields


def _message_json(message: Message) -> dict[str, Any]:
    """Protobuf's JSON mapping, with the fields that have their default value: a script must find `flagged`."""
    return json_format.MessageToDict(message, always_print_fields_with_no_presence=True)


def _event_json(event: gateway_pb2.GenerateImagesResponse, saved: Path | None, with_images: bool) -> dict[str, Any]:
    message = _message_json(event)
    if "imageProduced" in message and not with_images:
        _replace_bytes(message["imageProduced"], len(event.image_produced.image), saved)
    elif saved is not None:
        message["imageProduced"]["file"] = str(saved)
    return message


def _replace_bytes(message: dict[str, Any], size: int, saved: Path | None) -> None:
    del message["image"]
    message["imageSize"] = size
    if saved is not None:
        message["file"] = str(saved)


def _print_json(message: dict[str, Any]) -> None:
    # ASCII only: nothing in it can steer a terminal, and no locale can fail to encode it. Flushed: it is a stream.
    sys.stdout.write(json.dumps(message, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def _argument_or_stdin(argument: str) -> str:
    if argument != "-":
        return argument
    data = sys.stdin.buffer.read()
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"stdin: must be UTF-8; has an invalid byte at {error.start} of {len(data)}") from None
    return text.removesuffix("\n").removesuffix("\r")


def _timeout(seconds: float | None) -> Timeout:
    if seconds is None:
        return DEFAULT
    return seconds or None


def _thresholds(values: list[str] | None) -> dict[str, float | None]:
    thresholds: dict[str, float | None] = {}
    for value in values or ():
        category, _, number = value.partition("=")
        try:
            thresholds[category] = None if number == "ignore" else float(number)
        except ValueError:
            raise ValueError(
                f"--threshold: must be CATEGORY=NUMBER or CATEGORY=ignore; {category!r} has neither"
            ) from None
    return thresholds


def _print_verdict(console: Console, flagged: bool) -> None:
    print_line(console, ("flagged", "bold red") if flagged else ("clean", "bold green"))


def _print_findings(console: Console, findings: Any) -> None:
    for finding in findings:
        sign = ">=" if finding.flagged else "<"
        below = finding.threshold > 0 or finding.flagged
        print_line(
            console,
            "  ",
            (_names.words(category_pb2.Category, finding.category), "red" if finding.flagged else "yellow"),
            f"  {finding.confidence:.2f}" + (f" {sign} {finding.threshold:.2f}" if below else " (ignored)"),
            f"  {printable(finding.detector)}: {printable(finding.label)}",
            f' "{printable(finding.term)}"' if finding.term else "",
            (_where(finding), "dim"),
        )


def _where(finding: finding_pb2.Finding) -> str:
    respellings = f"  ({printable(', '.join(finding.respellings))})" if finding.respellings else ""
    match finding.WhichOneof("location"):
        case "text_span":
            return f"  characters {finding.text_span.start} to {finding.text_span.end}{respellings}"
        case "bounding_box":
            box = finding.bounding_box
            return f"  left {box.left:.2f}, top {box.top:.2f}, width {box.width:.2f}, height {box.height:.2f}"
        case _:
            return respellings
