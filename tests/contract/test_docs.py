"""The documentation says what the code does."""

import re
from pathlib import Path

import pytest

from services.__main__ import _settings_classes
from services.common.settings import describe_settings

ROOT = Path(__file__).parents[2]
PAGES = sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").glob("*.md"))


def test_the_page_of_settings_is_what_the_command_prints():
    assert (ROOT / "docs/settings.md").read_text("utf-8") == describe_settings(_settings_classes())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page: Path):
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


def test_every_make_target_that_the_readme_names_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE))
    assert named <= targets, named - targets


def test_the_lock_files_name_no_package_index():
    for lock in (ROOT / "requirements").glob("*.txt"):
        assert not re.search(r"https?://|--(extra-)?index-url|--find-links", lock.read_text("utf-8")), lock.name


def test_the_client_imports_nothing_from_the_services():
    for source in (ROOT / "safelight").rglob("*.py"):
        assert not re.search(r"^\s*(from|import) services\b", source.read_text("utf-8"), re.MULTILINE), source.name
