"""The `safelight` command. The commands themselves are in _commands.py, which needs the extra `safelight[cli]`."""

from __future__ import annotations

import io
import os
import sys


def main() -> None:
    """Runs the command line that sys.argv holds, and exits with its status; `safelight --help` lists the statuses."""
    try:
        from safelight._commands import app
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in ("typer", "rich"):
            raise
        sys.stderr.write("The safelight command needs a few more packages: pip install 'safelight[cli]'\n")
        raise SystemExit(1) from None
    # The commands say what went wrong; grpc's own log lines would come between. A caller's setting stands.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # What a terminal's encoding cannot show is shown as a question mark rather than ending the command.
            stream.reconfigure(errors="replace")
    app(prog_name="safelight")
