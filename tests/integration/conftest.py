"""For all integration tests."""

from __future__ import annotations

import pytest

from services.common.telemetry import configure_logging


@pytest.fixture(autouse=True, scope="session")
def _quiet_logs() -> None:
    """A line for each of thousands of calls would cost more than the calls do."""
    configure_logging("error", "json")
