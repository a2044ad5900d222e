"""The scripted services and a gateway as a process of their own, run the way the real ones are: for signals and ports.

`python -m tests.support.suite_process` prints the gateway's address once it serves. A prompt that holds "wait" is held
by the generator until a file named by the first argument exists.
"""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path
from typing import Any

from services.common.server import RunningService, Service, serve
from services.gateway import app
from services.gateway.settings import Settings
from tests.support.services import TARGETS, ScriptedGenerator, ScriptedImages, ScriptedText, scripted_services


def main() -> None:
    gate = Path(sys.argv[1])
    ports = [int(port) for port in sys.argv[2:6]]

    async def before_image(context: Any) -> None:
        # Another process opens the gate, so there is nothing to wait for but the file.
        while "wait" in generator.requests[-1].prompt and not gate.exists():  # noqa: ASYNC110, ASYNC240
            await asyncio.sleep(0.01)

    generator = ScriptedGenerator(before_image=before_image)
    scripted = scripted_services(ScriptedText(), generator, ScriptedImages())
    for service, port in zip(scripted, ports, strict=False):
        service.settings = service.settings.model_copy(update={"port": port})
    settings = Settings(
        port=ports[3], **{name: f"127.0.0.1:{port}" for name, port in zip(TARGETS, ports, strict=False)}
    )

    def ready(running: list[RunningService]) -> None:
        print(running[-1].address, flush=True)  # noqa: T201 # what the test reads

    def scripted_one(service: Service) -> Service:
        return service

    serve(settings, *(partial(scripted_one, each) for each in scripted), partial(app.build, settings), on_ready=ready)


if __name__ == "__main__":
    main()
