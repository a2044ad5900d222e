"""Policies: every decision they make, and what is said of a file that is wrong."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from safelight.common.v1 import category_pb2, detector_run_pb2, finding_pb2
from safelight.gateway.v1 import gateway_pb2 as pb
from safelight.image_moderation.v1 import image_moderation_pb2
from safelight.text_moderation.v1 import text_moderation_pb2
from services.gateway.policy import (
    SEED_STRIDE,
    SHIPPED,
    ImageAction,
    Policy,
    PolicyError,
    PromptAction,
    attempt_seed,
    category_name,
    is_answer,
    is_flagged,
    load_policies,
    load_policy,
)

VALID = """\
name: mine
version: "1"
description: For tests.
prompt:
  on_unsafe: reject
image:
  on_unsafe: blur
"""


def policy(**image: Any) -> Policy:
    return Policy.model_validate(
        {
            "name": "mine",
            "version": "1",
            "description": "For tests.",
            "prompt": {"on_unsafe": "reject"},
            "image": {"on_unsafe": "blur", **image},
            "negative_prompts": {
                "always": ["gore", "text"],
                "by_category": {"nudity": ["nude", "gore"], "weapon": ["guns"]},
            },
        }
    )


def written(folder: Path, source: str | bytes) -> Path:
    path = folder / "policy.yaml"
    path.write_bytes(source if isinstance(source, bytes) else source.encode())
    return path


def problem(folder: Path, source: str | bytes) -> str:
    """What load_policy says of a file, without the file's name in front of each line."""
    path = written(folder, source)
    with pytest.raises(PolicyError) as caught:
        load_policy(path)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"{path}:") for line in lines), lines
    return "\n".join(line.removeprefix(f"{path}:") for line in lines)


def test_the_shipped_policies_are_standard_strict_and_report():
    loaded = load_policies()
    assert sorted(loaded) == ["report", "standard", "strict"]
    assert sorted(path.stem for path in SHIPPED.glob("*.yaml")) == sorted(loaded)


def test_the_shipped_policies_do_what_the_design_says():
    loaded = load_policies()
    standard, strict, report = loaded["standard"], loaded["strict"], loaded["report"]
    assert standard.prompt.on_unsafe == strict.prompt.on_unsafe == "reject"
    assert report.prompt.on_unsafe == report.image.on_unsafe == "warn"
    assert (standard.max_attempts, standard.image.on_unsafe) == (3, "blur")
    assert strict.image.on_unsafe == "withhold"
    assert report.max_attempts == 1
    assert not standard.passes_when_text_moderation_fails()
    assert not strict.passes_when_text_moderation_fails()
    assert report.passes_when_text_moderation_fails()


def test_only_report_lets_a_flagged_image_out_as_it_is():
    loaded = load_policies()
    for name, each in loaded.items():
        actions = {each.image_action(True, attempt=attempt) for attempt in range(1, each.max_attempts + 1)}
        assert ImageAction.CLEAR not in actions
        assert (ImageAction.WARN in actions) == (name == "report")


def test_an_operators_file_replaces_the_shipped_policy_of_its_name(tmp_path: Path):
    mine = written(tmp_path, VALID.replace("mine", "standard").replace('"1"', '"99"'))
    assert load_policies([mine])["standard"].version == "99"
    assert len(load_policies([mine])) == 3


def test_a_prompt_passes_or_meets_what_the_policy_says():
    assert policy().prompt_action(False) is PromptAction.PASS
    assert policy().prompt_action(True) is PromptAction.REJECT
    assert load_policies()["report"].prompt_action(True) is PromptAction.WARN


@pytest.mark.parametrize(
    ("on_unsafe", "action"),
    [("warn", ImageAction.WARN), ("blur", ImageAction.BLUR), ("withhold", ImageAction.WITHHOLD)],
)
def test_an_unsafe_image_is_made_anew_until_the_last_attempt(on_unsafe: str, action: ImageAction):
    it = policy(on_unsafe=on_unsafe, regenerate=["new_seed", "add_negative_prompts"])
    assert [it.image_action(True, attempt=attempt) for attempt in (1, 2, 3)] == [
        ImageAction.REGENERATE,
        ImageAction.REGENERATE,
        action,
    ]
    assert [it.image_action(False, attempt=attempt) for attempt in (1, 2, 3)] == [ImageAction.CLEAR] * 3


@settings(deadline=None)
@given(attempt=st.integers(min_value=1, max_value=100), regenerations=st.integers(min_value=0, max_value=10))
def test_a_flagged_image_is_never_cleared(attempt: int, regenerations: int):
    it = policy(regenerate=["new_seed"] * regenerations)
    assert it.image_action(True, attempt=attempt) is not ImageAction.CLEAR


def test_a_redacted_copy_is_asked_for_only_where_it_would_be_sent():
    none, whole, regions = (
        image_moderation_pb2.REDACTION_UNSPECIFIED,
        image_moderation_pb2.REDACTION_BLUR_IMAGE,
        image_moderation_pb2.REDACTION_BLUR_REGIONS,
    )
    assert [policy(regenerate=["new_seed"]).redaction(attempt=a) for a in (1, 2)] == [none, whole]
    assert policy(blur="regions").redaction(attempt=1) == regions
    assert policy(on_unsafe="withhold").redaction(attempt=1) == none
    assert policy(on_unsafe="warn").redaction(attempt=1) == none


NUDITY, WEAPON = category_pb2.CATEGORY_NUDITY, category_pb2.CATEGORY_WEAPON


@pytest.mark.parametrize(
    ("callers", "attempt", "found", "expected"),
    [
        ("", 1, [], "gore, text"),
        ("cats", 1, [], "cats, gore, text"),
        ("  cats,  ", 1, [], "cats, gore, text"),
        ("gore", 1, [], "gore, text"),
        (" \t\n", 1, [], "gore, text"),
        ("cats", 2, [NUDITY], "cats, gore, text"),  # the first regeneration only takes a new seed
        ("cats", 3, [NUDITY], "cats, gore, text, nude"),
        ("cats", 3, [NUDITY, NUDITY, WEAPON], "cats, gore, text, nude, guns"),
        ("cats", 3, [category_pb2.CATEGORY_GAMBLING, 987], "cats, gore, text"),
        ("cats", 1, [NUDITY], "cats, gore, text"),
    ],
)
def test_negative_prompts_are_joined(callers: str, attempt: int, found: list[int], expected: str):
    """The caller's first, then the policy's, then those for what was found; each once."""
    it = policy(regenerate=["new_seed", "add_negative_prompts"])
    assert it.negative_prompt(callers, attempt=attempt, found=found) == expected


def test_added_negative_prompts_stay_for_later_attempts():
    it = policy(regenerate=["add_negative_prompts", "new_seed"])
    assert it.negative_prompt("", attempt=2, found=[NUDITY]) == it.negative_prompt("", attempt=3, found=[NUDITY])
    assert "nude" in it.negative_prompt("", attempt=3, found=[NUDITY])


@settings(deadline=None)
@given(callers=st.text())
def test_the_policys_negative_prompts_are_always_there(callers: str):
    assert policy().negative_prompt(callers).endswith("gore, text") or "gore" in callers or "text" in callers


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 8))
def test_seeds_of_attempts_are_fixed_in_range_and_never_the_same(seed: int, count: int):
    used = [(attempt_seed(seed, attempt=attempt) + index) % 2**32 for attempt in range(1, 12) for index in range(count)]
    assert len(set(used)) == len(used)
    assert attempt_seed(seed, attempt=1) == seed
    assert attempt_seed(seed, attempt=2) == (seed + SEED_STRIDE) % 2**32
    assert all(0 <= each < 2**32 for each in used)


def test_without_a_seed_every_attempt_is_random():
    assert attempt_seed(None, attempt=1) is None
    assert attempt_seed(None, attempt=2) is None


def test_thresholds_become_the_protos():
    it = policy(thresholds={"alcohol": "ignore", "nudity": 0.25, "weapon": 0, "hate": 1})
    assert [(t.category, t.threshold, t.ignored) for t in it.image_thresholds()] == [
        (category_pb2.CATEGORY_ALCOHOL, 0, True),
        (category_pb2.CATEGORY_NUDITY, 0.25, False),
        (category_pb2.CATEGORY_WEAPON, 0, False),
        (category_pb2.CATEGORY_HATE, 1, False),
    ]
    assert it.text_thresholds() == []


RAN, SKIPPED = detector_run_pb2.DETECTOR_RUN_STATUS_RAN, detector_run_pb2.DETECTOR_RUN_STATUS_SKIPPED


@pytest.mark.parametrize("kind", [text_moderation_pb2.ModerateTextResponse, image_moderation_pb2.ModerateImageResponse])
def test_only_a_detector_that_ran_makes_an_answer(kind: Any):
    assert not is_answer(kind())
    assert not is_answer(kind(flagged=False, findings=[finding_pb2.Finding()]))
    assert not is_answer(kind(detector_runs=[detector_run_pb2.DetectorRun(status=SKIPPED)]))
    assert not is_answer(kind(detector_runs=[detector_run_pb2.DetectorRun()]))
    assert is_answer(kind(detector_runs=[detector_run_pb2.DetectorRun(status=s) for s in (SKIPPED, RAN)]))


@pytest.mark.parametrize("kind", [text_moderation_pb2.ModerateTextResponse, image_moderation_pb2.ModerateImageResponse])
def test_the_worst_part_of_a_verdict_counts(kind: Any):
    assert is_flagged(kind(flagged=True))
    assert is_flagged(kind(findings=[finding_pb2.Finding(), finding_pb2.Finding(flagged=True)]))
    assert is_flagged(kind(detector_runs=[detector_run_pb2.DetectorRun(flagged=True)]))
    assert not is_flagged(
        kind(findings=[finding_pb2.Finding(confidence=0.9)], detector_runs=[detector_run_pb2.DetectorRun()])
    )


def test_what_list_policies_says_is_what_the_document_says():
    for name, each in load_policies().items():
        told = each.to_proto()
        assert (told.name, told.version, told.description) == (name, each.version, each.description)
        assert told.on_unsafe_prompt
        assert told.on_unsafe_image == each.unsafe_image_action()
        assert told.on_text_moderation_failure
        assert len(told.regenerations) == each.max_attempts - 1
        assert list(told.negative_prompts) == list(each.negative_prompts.always)
        assert len(told.category_negative_prompts) == len(each.negative_prompts.by_category)
        assert all(kind.category and kind.negative_prompts for kind in told.category_negative_prompts)
    assert load_policies()["report"].to_proto().on_text_moderation_failure == pb.MODERATOR_FAILURE_ACTION_OPEN


def test_category_names_are_the_enums_without_prefix():
    assert category_name(category_pb2.CATEGORY_NUDITY_PARTIAL) == "nudity_partial"
    assert category_name(987) == ""


@pytest.mark.parametrize(
    ("change", "line", "reason"),
    [
        (("version:", "versoin:"), 2, "unknown key 'versoin'"),
        (("on_unsafe: blur", "on_unsafe: blurr"), 7, "must be 'warn', 'blur' or 'withhold'; is 'blurr'"),
        (("on_unsafe: reject", "on_unsafe: true"), 5, "prompt.on_unsafe: must be 'warn' or 'reject'; is True"),
        (("on_unsafe: blur", "on_unsafe: blur\n  extra: 1"), 8, "unknown key 'image.extra'"),
        (("on_unsafe: blur", "regenerate: [new_seed]"), 6, "the key 'image.on_unsafe' is missing"),
        (("name: mine", "name: Mine!"), 1, "name: "),
        (('version: "1"', "version: 1"), 2, "version: Input should be a valid string"),
        (("  on_unsafe: blur", "  on_unsafe: blur\n  thresholds:\n    nudty: 0.5"), 9, "no category is named 'nudty'"),
        (("  on_unsafe: blur", "  on_unsafe: blur\n  thresholds:\n    unspecified: 0.5"), 9, "no category is named"),
        (("  on_unsafe: blur", "  on_unsafe: blur\n  thresholds:\n    nudity: 1.5"), 9, "must be a number from 0 to 1"),
        (("  on_unsafe: blur", "  on_unsafe: blur\n  thresholds:\n    nudity: .nan"), 9, "must be a number from 0"),
        (("  on_unsafe: blur", "  on_unsafe: blur\n  thresholds:\n    nudity: yes"), 9, "must be a number from 0 to 1"),
        (("  on_unsafe: blur", "  on_unsafe: blur\n  on_unsafe: warn"), 8, "the key 'on_unsafe' stands twice"),
        (("  on_unsafe: blur", "  on_unsafe: blur\n  on_moderator_failure: open"), 8, "must be 'closed'; is 'open'"),
        (("  on_unsafe: blur", "  on_unsafe: blur\n  regenerate: [new_seed, reroll]"), 8, "reroll"),
        (("  on_unsafe: blur", "  on_unsafe: blur\n  regenerate: new_seed"), 8, "image.regenerate"),
        (("  on_unsafe: blur", "  on_unsafe: [blur"), 8, ""),
        (("description: For tests.", 'description: "  "'), 3, "description"),
        (("description: For tests.", "description: 2020-99-99"), 3, ""),
        (("description: For tests.", "description: !!int x"), 3, ""),
        (("description: For tests.", "description: !!bool x"), 3, ""),
        (("description: For tests.", "description: !!timestamp x"), 3, ""),
        (("description: For tests.", "description: !!map x"), 3, ""),
        (("description: For tests.", "description: !!python/object:os.system x"), 3, "could not determine"),
        (("description: For tests.", "description: a\n\tb"), 4, ""),
        (("description: For tests.", "description: a\x00b"), 3, "special characters are not allowed"),
        (("description: For tests.", "description: For tests.\n? [a]\n: b"), 4, ""),
        (("description: For tests.", "description: *nowhere"), 3, "alias"),
        (("description: For tests.", "description: For tests.\n---\na: b"), 4, "but found another document"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_told_with_its_line_and_reason(tmp_path: Path, change: tuple[str, str], line: int, reason: str):
    said = problem(tmp_path, VALID.replace(*change))
    assert any(each.startswith(f"{line}: ") and reason in each for each in said.splitlines()), said
    assert all(each.split(": ", 1)[1].strip() for each in said.splitlines())


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path):
    said = problem(tmp_path, "nme: mine\nversion: ''\ndescription: x\nprompt:\n  on_unsafe: no\nimage: []\n")
    assert said.count("\n") >= 4
    assert "the key 'name' is missing" in said


@pytest.mark.parametrize("source", ["", "[]", "- a\n- b\n", "word", "3", "null", "---\n"])
def test_a_document_that_is_no_mapping_is_told(tmp_path: Path, source: str):
    assert problem(tmp_path, source) == "1: a policy is a mapping of keys to values"


def test_a_file_that_is_not_utf8_is_told_with_its_line(tmp_path: Path):
    assert problem(tmp_path, b"name: mine\ndescription: caf\xe9\n").startswith("2: is not UTF-8")


def test_a_file_that_does_not_exist_is_told(tmp_path: Path):
    with pytest.raises(PolicyError, match=r"none\.yaml: cannot be read: No such file"):
        load_policy(tmp_path / "none.yaml")
    with pytest.raises(PolicyError, match="cannot be read"):
        load_policy(tmp_path)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path):
    assert load_policy(written(tmp_path, "\ufeff" + VALID)).name == "mine"


def bomb(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines)


BOMBS = {
    "aliases in a wrong value": f"{bomb(30)}\n" + VALID.replace("on_unsafe: blur", "on_unsafe: *a29"),
    "aliases in a threshold": f"{bomb(30)}\n" + VALID + "  thresholds: {nudity: *a29}\n",
    "aliases in a key": f"{bomb(30)}\n? *a29\n: x\n",
    "merge keys": "a0: &a0 {k: v}\n"
    + "\n".join(f"a{n}: &a{n}\n  <<: [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30))
    + "\n",
    "an alias to itself": "&a name: *a\n",
    "a mapping in itself": "&a\nname: mine\nprompt: *a\n",
    "sequences": "[" * 100_000,
    "sequences that end": "a: " + "[" * 5_000 + "]" * 5_000,
    "mappings": "{a: " * 50_000,
    "indentation": "\n".join(" " * n + "a:" for n in range(2_000)),
    "a long number": "version: " + "9" * 100_000,
    "a long sexagesimal": "version: 1" + ":59" * 2_000,
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("source", BOMBS.values(), ids=BOMBS.keys())
def test_a_yaml_bomb_is_a_clear_error_and_no_hang(tmp_path: Path, source: str):
    said = problem(tmp_path, source)
    assert len(said) < 20_000


WORDS = st.sampled_from(
    ["name", "version", "prompt", "image", "on_unsafe", "thresholds", "nudity", ":", ": ", "\n", "\n  ", "- ", "[", "]",
     "{", "}", ",", "&a", "*a", "<<", "!!int ", "!!map ", "!!set ", "!!binary ", "!!omap ", "!!float ", "!!pairs ", "?",
     "|", ">", "'", '"', "\\ud800", "0x_", "0b_", "1:2", "2020-13-40", "2020-01-01T25:00:00", "=", "~", "true", ".inf",
     "1e999", "%YAML 9.9\n", "---\n", "#"]
)  # fmt: skip


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(source=st.one_of(st.text(max_size=200), st.lists(WORDS, max_size=30).map("".join)))
@example("!!timestamp x")
@example('"\\ud800": x')
@example("=: x")
def test_any_text_is_a_policy_or_a_policy_error(tmp_path: Path, source: str):
    """No text makes anything but PolicyError."""
    path = tmp_path / "policy.yaml"
    path.write_bytes(source.encode("utf-8", "surrogatepass"))
    with contextlib.suppress(PolicyError):
        load_policy(path)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(source=st.binary(max_size=100))
def test_any_bytes_are_a_policy_or_a_policy_error(tmp_path: Path, source: bytes):
    path = tmp_path / "policy.yaml"
    path.write_bytes(source)
    with pytest.raises(PolicyError):
        load_policy(path)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(place=st.integers(0, len(VALID)), junk=st.one_of(st.text(max_size=8), WORDS))
def test_a_valid_policy_with_something_put_in_is_a_policy_or_a_policy_error(tmp_path: Path, place: int, junk: str):
    path = tmp_path / "policy.yaml"
    path.write_bytes((VALID[:place] + junk + VALID[place:]).encode("utf-8", "surrogatepass"))
    with contextlib.suppress(PolicyError):
        load_policy(path)
