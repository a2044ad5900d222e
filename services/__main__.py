"""`python -m services`: the operator's command. Without arguments it serves all four services in one process."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from services.common.health import check_health
from services.common.server import RunningService, serve
from services.common.settings import LOOPBACK, ServiceSettings, describe_settings, load_or_exit

SERVICES = ("gateway", "text_moderation", "image_moderation", "generator")

NEXT = """
Safelight is serving on {address}. In another terminal:

  .venv/bin/safelight generate "A dog in a suit" --out out

  grpcurl -plaintext -d '{{"prompt": "A dog in a suit", "dry_run": true}}' \\
    {address} safelight.gateway.v1.GatewayService/GenerateImages

  .venv/bin/buf curl --protocol grpc --http2-prior-knowledge -d '{{"prompt": "A dog in a suit", "dry_run": true}}' \\
    http://{address}/safelight.gateway.v1.GatewayService/GenerateImages

Stop with Ctrl-C.
"""


NEXT_TLS = """
Safelight is serving with TLS on {address}. In another terminal:

  .venv/bin/safelight --tls-ca CA.pem --target {address} generate "A dog in a suit" --out out

docs/client.md says how to show a certificate of your own. Stop with Ctrl-C.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Parses the command line and runs what it asks for."""
    parser = argparse.ArgumentParser(prog="python -m services", description="Operates Safelight's services.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("serve", help="serve all four in this process (the default)")
    demo = commands.add_parser("demo", help="run the main job once and print what happened")
    demo.add_argument("--out", type=Path, default=Path("out"), help="folder for the images (default: out)")
    health = commands.add_parser("health", help="ask a service for its health; exit 0 if it is serving")
    health.add_argument("service", choices=sorted(_settings_classes()), help="whose settings say where it listens")
    health.add_argument("--server-name", default="localhost", help="name in its certificate, where TLS is on")
    policies = commands.add_parser("check-policies", help="check policy files; exit 0 if they are right")
    policies.add_argument("files", nargs="*", type=Path, help="YAML files (default: the shipped ones)")
    commands.add_parser("settings", help="print every setting as a Markdown table")
    commands.add_parser("classifier", help="train and judge the text classifier", add_help=False)
    options, rest = parser.parse_known_args(arguments)
    if rest and options.command != "classifier":
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    match options.command:
        case None | "serve":
            serve_all()
        case "demo":
            from services import demo as main_job  # needs the client's extras, which a service's container lacks

            sys.exit(main_job.main(options.out))
        case "health":
            settings = load_or_exit(_settings_classes()[options.service])
            sys.exit(asyncio.run(check_health(settings, server_name=options.server_name)))
        case "check-policies":
            sys.exit(_check_policies(options.files))
        case "settings":
            sys.stdout.write(describe_settings(_settings_classes()))
        case "classifier":
            from services.text_moderation.classifier.cli import main as classifier  # scikit-learn loads slowly

            sys.exit(classifier(rest))


def serve_all() -> None:
    """All four services in this process, on the ports of their settings, until SIGTERM or SIGINT."""
    from services.gateway import app as gateway_app
    from services.gateway.settings import Settings as GatewaySettings
    from services.generator import app as generator_app
    from services.generator.settings import Settings as GeneratorSettings
    from services.image_moderation import app as image_app
    from services.image_moderation.settings import Settings as ImageSettings
    from services.text_moderation import app as text_app
    from services.text_moderation.settings import Settings as TextSettings

    text, image, generator = load_or_exit(TextSettings), load_or_exit(ImageSettings), load_or_exit(GeneratorSettings)
    # The gateway looks for the other three where they listen, unless a setting says otherwise.
    gateway = load_or_exit(GatewaySettings)
    found = {
        f"{name}_target": f"{LOOPBACK if settings.host == '0.0.0.0' else settings.host}:{settings.port}"  # noqa: S104
        for name, settings in (("text_moderation", text), ("image_moderation", image), ("generator", generator))
    }
    for settings in (text, image, generator):
        if settings.port == 0:
            sys.exit(f"{settings.variable('port')}=0: the gateway would not find a port that is drawn at random")
        if settings.tls_cert_file is not None and gateway.upstream_tls_ca_file is None:
            sys.exit(f"{settings.variable('tls_cert_file')} needs {gateway.variable('upstream_tls_ca_file')} as well")
    gateway = gateway.model_copy(update={k: v for k, v in found.items() if k not in gateway.model_fields_set})

    def say_what_next(running: Sequence[RunningService]) -> None:
        sys.stdout.write((NEXT_TLS if gateway.tls_cert_file else NEXT).format(address=running[-1].address))
        sys.stdout.flush()

    serve(
        gateway,
        partial(text_app.build, text),
        partial(generator_app.build, generator),
        partial(image_app.build, image),
        partial(gateway_app.build, gateway),
        on_ready=say_what_next,
    )


def _settings_classes() -> dict[str, type[ServiceSettings]]:
    # A service's container holds that service alone.
    found = {}
    for name in SERVICES:
        if find_spec(f"services.{name}") is not None:
            found[name] = import_module(f"services.{name}.settings").Settings
    return found


def _check_policies(files: Sequence[Path]) -> int:
    from services.gateway.policy import SHIPPED, PolicyError, load_policy

    wrong = 0
    for path in files or sorted(SHIPPED.glob("*.yaml")):
        try:
            policy = load_policy(path)
            sys.stdout.write(f"{path}: {policy.name} version {policy.version} is right\n")
        except PolicyError as error:
            wrong += 1
            sys.stderr.write(f"{error}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    main()
