"""Domain errors and the google.rpc.Status that each becomes."""

from __future__ import annotations

import re

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from safelight.common.v1 import error_reason_pb2
from services.common import errors
from tests.support.streams import detail

CLASSES = {cls.__name__: cls for cls in errors._all_errors()}
# One row of the tree at the top of errors.py: class, code, reason, what is added.
ROW = re.compile(r"^[ │]*[├└]── (\w+) +([A-Z_]+) +([A-Z_]+)(?: +\+ (\w+))?$", re.MULTILINE)


def make(cls: type[errors.SafelightError]) -> errors.SafelightError:
    if issubclass(cls, errors.InvalidArgument):
        violations = [
            errors.FieldViolation("width", "must be even; is 3"),
            errors.FieldViolation("a[1].b", "is listed twice"),
        ]
        return cls(violations, metadata={"stage": "generation"})
    return cls("it went wrong", metadata={"stage": "generation"})


@pytest.mark.parametrize("cls", CLASSES.values(), ids=CLASSES.keys())
def test_an_error_survives_the_way_through_a_status(cls: type[errors.SafelightError]):
    error = make(cls)
    status = status_pb2.Status.FromString(errors.to_status(error).SerializeToString())
    back = errors.from_status(status)
    assert type(back) is cls
    assert (back.message, back.metadata, back.retry_after) == (error.message, error.metadata, error.retry_after)
    if isinstance(error, errors.InvalidArgument):
        assert isinstance(back, errors.InvalidArgument)
        assert back.violations == error.violations


@pytest.mark.parametrize("cls", CLASSES.values(), ids=CLASSES.keys())
def test_the_details_of_a_status(cls: type[errors.SafelightError]):
    """ErrorInfo always; BadRequest for wrong fields; RetryInfo just where trying again may help."""
    error = make(cls)
    status = errors.to_status(error)
    info = errors.error_info(status)
    assert info is not None
    assert status.code == error.code.value[0]
    assert (info.domain, info.metadata["stage"]) == ("safelight", "generation")
    assert f"ERROR_REASON_{info.reason}" == error_reason_pb2.ErrorReason.Name(cls.reason)
    bad, retry = detail(status, error_details_pb2.BadRequest), detail(status, error_details_pb2.RetryInfo)
    assert (bad is not None) == issubclass(cls, errors.InvalidArgument)
    assert (retry is not None) == (error.code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED))
    assert len(status.details) == 1 + (bad is not None) + (retry is not None)
    if bad is not None:
        assert [v.field for v in bad.field_violations] == ["width", "a[1].b"]
        assert info.metadata["fields"] == "width,a[1].b"
        assert all(f"{v.field}: {v.description}" in status.message for v in bad.field_violations)
    if retry is not None:
        assert retry.retry_delay.ToMilliseconds() > 0


def test_every_reason_has_just_one_class():
    reasons = [cls.reason for cls in CLASSES.values()]
    assert sorted(reasons) == sorted(set(error_reason_pb2.ErrorReason.values()) - {0})


def test_the_tree_at_the_top_of_the_module_is_true():
    rows = {name: rest for name, *rest in ROW.findall(errors.__doc__ or "")}
    assert set(rows) == set(CLASSES)
    for name, (code, reason, added) in rows.items():
        cls = CLASSES[name]
        status = errors.to_status(make(cls))
        kinds = [each.type_url.rsplit(".", 1)[-1] for each in status.details]
        assert cls.code.name == code
        assert error_reason_pb2.ErrorReason.Name(cls.reason) == f"ERROR_REASON_{reason}"
        assert kinds == ["ErrorInfo", *([added] if added else [])]


def test_retry_after_can_be_said():
    error = errors.ProviderThrottled("slow down", retry_after=2.5)
    retry = detail(errors.to_status(error), error_details_pb2.RetryInfo)
    assert retry.retry_delay.ToMilliseconds() == 2500


def test_a_foreign_status_is_none_of_ours():
    assert errors.from_status(status_pb2.Status(code=3, message="x")) is None
    status = status_pb2.Status()
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason="FIELD_INVALID", domain="example.com"))
    assert errors.from_status(status) is None
    status.details[0].Pack(error_details_pb2.ErrorInfo(reason="OF_THE_FUTURE", domain="safelight"))
    assert errors.from_status(status) is None
    status.details[0].Pack(error_details_pb2.ErrorInfo(reason="UNSPECIFIED", domain="safelight"))
    assert errors.from_status(status) is None


def test_a_status_of_ours_without_its_bad_request_still_names_the_error():
    status = status_pb2.Status(message="width: wrong")
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason="FIELD_INVALID", domain="safelight"))
    back = errors.from_status(status)
    assert isinstance(back, errors.InvalidArgument)
    assert back.violations[0].description == "width: wrong"
