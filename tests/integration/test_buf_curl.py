"""`buf curl` against a running suite: what anyone with a gRPC client in a shell would do, through reflection alone."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from pathlib import Path
from typing import Any

import grpc

from services.common.settings import ServiceSettings
from tests.support.certificates import Authority
from tests.support.services import SAFE, ScriptedGenerator, suite

BUF = Path(sys.executable).parent / "buf"


async def buf_curl(*arguments: str, home: Path) -> tuple[int | None, str, str]:
    """Its exit code, output and errors. `home` is not the repository, whose protos it would find."""
    child = await asyncio.create_subprocess_exec(
        str(BUF),
        "curl",
        "--protocol=grpc",  # its default is Connect
        *arguments,
        cwd=home,
        env={"HOME": str(home), "PATH": ""},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    stdout, stderr = await asyncio.wait_for(child.communicate(), 60)
    return child.returncode, stdout.decode(), stderr.decode()


async def call(*arguments: str, home: Path) -> list[dict[str, Any]]:
    """Calls a method; gives the JSON messages that come back."""
    code, text, stderr = await buf_curl(*arguments, home=home)
    assert code == 0, stderr
    decoder, found = json.JSONDecoder(), []
    while text := text.lstrip():
        message, end = decoder.raw_decode(text)
        found.append(message)
        text = text[end:]
    return found


async def services(*arguments: str, home: Path) -> list[str]:
    """The names that reflection lists."""
    code, text, stderr = await buf_curl(*arguments, "--list-services", home=home)
    assert code == 0, stderr
    return text.split()


async def check(url: str, home: Path, *flags: str) -> None:
    """Lists the policies and generates an image."""
    service = f"{url}/safelight.gateway.v1.GatewayService"
    (listed,) = await call(*flags, f"{service}/ListPolicies", home=home)
    assert [policy["name"] for policy in listed["policies"]] == ["report", "standard", "strict"]
    events = await call(*flags, "--data", '{"prompt": "a dog", "seed": 7}', f"{service}/GenerateImages", home=home)
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    (image,) = [event["imageProduced"] for event in events if "imageProduced" in event]
    assert base64.b64decode(image["image"]) == SAFE
    assert events[-1]["completed"]["outcome"] == "OUTCOME_DELIVERED"


async def test_in_the_clear(tmp_path: Path):
    """HTTP/2 with prior knowledge; the services are listed and called."""
    async with suite(generator=ScriptedGenerator()) as running:
        url = f"http://{running.gateway.address}"
        names = await services("--http2-prior-knowledge", url, home=tmp_path)
        assert "safelight.gateway.v1.GatewayService" in names
        assert "safelight.text_moderation.v1.TextModerationService" in names
        await check(url, tmp_path, "--http2-prior-knowledge")


async def test_with_mutual_tls(tmp_path: Path):
    """With a certificate it works the same; without one it is refused."""
    root = Authority(tmp_path)
    server, client = root.issue("server"), root.issue("client")
    files = {"tls_cert_file": server.cert_file, "tls_key_file": server.key_file, "tls_client_ca_file": root.ca_file}
    trust, shown = ("--cacert", str(root.ca_file)), ("--cert", str(client.cert_file), "--key", str(client.key_file))
    async with suite(
        upstream_settings=ServiceSettings(**files),
        upstream_tls_ca_file=root.ca_file,
        upstream_tls_cert_file=client.cert_file,
        upstream_tls_key_file=client.key_file,
        credentials=grpc.ssl_channel_credentials(root.ca_file.read_bytes()),
        **files,
    ) as running:
        url = f"https://{running.gateway.address}"
        names = await services(*trust, *shown, url, home=tmp_path)
        assert "safelight.gateway.v1.GatewayService" in names
        await check(url, tmp_path, *trust, *shown)
        code, _, _ = await buf_curl(*trust, "--list-services", url, home=tmp_path)
        assert code != 0
