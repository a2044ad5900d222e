"""A custom classifier at Amazon Comprehend: training it, its endpoint, what it costs, and the end of both.

Each step writes the state file (comprehend_state.py) before and after its call, so that a command that was cut off goes
on when it is run again. The operations are those of
https://docs.aws.amazon.com/comprehend/latest/APIReference/API_Operations_Amazon_Comprehend.html.
"""

from __future__ import annotations

import io
import json
import re
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from services.text_moderation.classifier import comprehend_data, comprehend_state
from services.text_moderation.classifier.comprehend_data import Mode, Prepared
from services.text_moderation.classifier.comprehend_remote import (
    MISSING,
    CommandError,
    Properties,
    Tools,
    call,
    check,
    one_line,
    watch,
)
from services.text_moderation.classifier.comprehend_state import Endpoint, State, Training
from services.text_moderation.classifier.data import SAFE

PRICE_UNIT = "comprehend.endpoint.inference_unit_second"
PRICE_PAGE = "https://aws.amazon.com/comprehend/pricing/"

TRAINING = frozenset({"SUBMITTED", "TRAINING", "STOP_REQUESTED"})
TRAINED = frozenset({"TRAINED", "TRAINED_WITH_WARNING"})
CHANGING = frozenset({"CREATING", "UPDATING"})
DELETING = frozenset({"DELETING"})


# Training.


@dataclass(frozen=True)
class TrainingOptions:
    """What is to be trained."""

    name: str
    bucket: str
    prefix: str
    role: str
    mode: Mode
    two_class: bool
    language: str = "en"
    wait: bool = True


def train(tools: Tools, data: Path, state_path: Path, options: TrainingOptions) -> None:
    """Uploads the data, has a classifier trained with it, waits, and prints its metrics.

    What an earlier run has done already for the same data is not done again. Raises DataError, CommandError.
    """
    check(tools, "ComprehendArnName", options.name, "--name")
    check(tools, "IamRoleArn", options.role, "--role")
    prepared = comprehend_data.prepare(data, options.mode, two_class=options.two_class)
    key = "/".join(filter(None, (options.prefix.strip("/"), options.name, f"{prepared.sha256}.csv")))
    check(tools, "S3Uri", f"s3://{options.bucket}/{key}", "--bucket and --prefix")
    state = _load(tools, state_path) or State(state_path, tools.region)
    training = _begin(tools, state, prepared, key, options)
    counts = ", ".join(f"{label} {count:,}" for label, count in sorted(prepared.classes.items()))
    tools.say(f"{prepared.texts:,} texts, {len(prepared.body) / 1e6:.1f} MB: {counts}")
    for note in prepared.notes:
        tools.say(f"note: {note}")
    if not training.uploaded:
        _upload(tools, state, training, prepared.body)
    if training.arn is None:
        _create_classifier(tools, state, training)
    if not options.wait:
        tools.say(f"{training.arn} is being trained; run the same command again to wait for it")
        return
    found = watch(tools, "classifier", partial(_classifier, tools, training), TRAINING)
    status = "gone" if found is None else str(found["Status"])
    if found is None or status not in TRAINED:
        training.failed = True
        state.save()
        message = one_line((found or {}).get("Message") or "Comprehend does not say why")
        raise CommandError(f"{training.arn} is {status}: {message}; run again to train a new version", status=1)
    if found.get("Message"):
        tools.say(f"{status}: {one_line(found['Message'])}")
    tools.say(f"\n{metrics_table(found)}\n")
    tools.say(f"trained: {training.arn}; give it an endpoint with the command deploy")


def _begin(tools: Tools, state: State, prepared: Prepared, key: str, options: TrainingOptions) -> Training:
    """The training to go on with, or a new one."""
    last = state.trainings[-1] if state.trainings else None
    if last is not None:
        same = (last.name, last.mode, last.language, last.sha256)
        if same == (options.name, options.mode, options.language, prepared.sha256) and not last.failed:
            if last.arn is not None:
                tools.say(f"going on with {last.arn}")
                return last
            if (last.bucket, last.key, last.role) == (options.bucket, key, options.role):
                tools.say(f"going on with {last.name}, version {last.version}")
                return last
        why = "failed" if last.failed else "was of other data" if last.sha256 != prepared.sha256 else "was another"
        tools.say(f"{last.name}, version {last.version}, {why}: a new version begins")
    training = Training(
        name=options.name,
        classes=sorted(prepared.classes),
        # With the data in its name a version is found again even if this file is lost.
        version=f"v{len(state.trainings) + 1}-{prepared.sha256[:12]}",
        mode=options.mode,
        language=options.language,
        sha256=prepared.sha256,
        bucket=options.bucket,
        key=key,
        role=options.role,
        token=str(uuid.uuid4()),
    )
    state.trainings.append(training)
    state.save()
    return training


def _upload(tools: Tools, state: State, training: Training, body: bytes) -> None:
    storage = tools.storage()
    try:
        found = call(storage.head_bucket, "HeadBucket", f"--bucket {training.bucket}", Bucket=training.bucket)
    except CommandError as error:
        if error.code in ("404", "NoSuchBucket"):
            raise CommandError(f"--bucket {training.bucket}: there is no such bucket") from None
        if not error.code:
            raise
        # To put an object one need not be allowed to look at its bucket.
        found = {}
    where = found.get("BucketRegion")
    if where and where != tools.region:
        raise CommandError(
            f"--bucket {training.bucket} is in {where} and Comprehend in {tools.region}: they have to be in one region"
        )
    tools.say(f"uploading to s3://{training.bucket}/{training.key}")
    call(
        storage.upload_fileobj,
        "the upload",
        f"--bucket {training.bucket}",
        Fileobj=io.BytesIO(body),
        Bucket=training.bucket,
        Key=training.key,
    )
    training.uploaded = True
    state.save()


def _create_classifier(tools: Tools, state: State, training: Training) -> None:
    source = {"DataFormat": "COMPREHEND_CSV", "S3Uri": _uri(training)}
    if training.mode == "MULTI_LABEL":
        source["LabelDelimiter"] = comprehend_data.DELIMITER
    try:
        training.arn = call(
            tools.comprehend.create_document_classifier,
            "CreateDocumentClassifier",
            "--role, --bucket, --name and --language",
            expect="DocumentClassifierArn",
            DocumentClassifierName=training.name,
            VersionName=training.version,
            DataAccessRoleArn=training.role,
            InputDataConfig=source,
            ClientRequestToken=training.token,
            LanguageCode=training.language,
            Mode=training.mode,
        )
    except CommandError as error:
        # Whether the token alone makes the call repeatable the documentation of this operation does not say.
        training.arn = _made_before(tools, training) if error.code == "ResourceInUseException" else None
        if training.arn is None:
            raise
    state.save()
    tools.say(f"training {training.arn}")


def _made_before(tools: Tools, training: Training) -> str | None:
    """The ARN of this version, if it was made with this data before."""
    pages = call(
        lambda **asked: list(tools.comprehend.get_paginator("list_document_classifiers").paginate(**asked)),
        "ListDocumentClassifiers",
        "--name",
        Filter={"DocumentClassifierName": training.name},
    )
    for found in (one for page in pages for one in page["DocumentClassifierPropertiesList"]):
        if (
            found.get("VersionName") == training.version
            and found.get("InputDataConfig", {}).get("S3Uri") == _uri(training)
            and found.get("Mode") == training.mode
        ):
            return str(found["DocumentClassifierArn"])
    return None


def _uri(training: Training) -> str:
    return f"s3://{training.bucket}/{training.key}"


def _classifier(tools: Tools, training: Training) -> Properties | None:
    """What Comprehend says of it; None if it does not exist. Raises CommandError."""
    return _describe(
        tools.comprehend.describe_document_classifier,
        "DescribeDocumentClassifier",
        "DocumentClassifierProperties",
        DocumentClassifierArn=training.arn,
    )


def _describe(operation: Callable[..., Any], name: str, member: str, **parameters: Any) -> Properties | None:
    try:
        found: Properties = call(operation, name, "--state and --region", expect=member, **parameters)
    except CommandError as error:
        if error.code == MISSING:
            return None
        raise
    return found


def metrics_table(found: Properties) -> str:
    """Everything that Comprehend measured of a trained classifier, a line each."""
    about = found.get("ClassifierMetadata", {})
    rows = [(name, f"{about[name]:,}") for name in _COUNTS if name in about]
    rows += [(name, f"{value:.4f}") for name, value in about.get("EvaluationMetrics", {}).items()]
    return "\n".join([f"{'Comprehend says':<26} {'':>9}", *(f"{_words(name):<26} {value:>9}" for name, value in rows)])


_COUNTS = ("NumberOfLabels", "NumberOfTrainedDocuments", "NumberOfTestDocuments")


def _words(name: str) -> str:
    """Such as "micro F1 score" for "MicroF1Score"."""
    words = re.findall(r"F1|[A-Z][a-z]*", name)
    return " ".join(word if word == "F1" else word.lower() for word in words)


# The endpoint.


@dataclass(frozen=True)
class EndpointOptions:
    """What is to be deployed."""

    units: int
    name: str | None
    price: float | None
    """Dollars for an inference unit and second, in place of the price list's."""
    yes: bool
    wait: bool = True


def deploy(tools: Tools, state_path: Path, options: EndpointOptions) -> None:
    """Gives the last version of the classifier an endpoint, or the endpoint that there is this version.

    Says what that costs and asks before it does. Raises CommandError.
    """
    state = _required(tools, state_path)
    training = next((one for one in reversed(state.trainings) if one.arn is not None and not one.failed), None)
    if training is None or training.arn is None:
        raise CommandError(f"{state_path}: no classifier has been trained; run train first")
    found = _classifier(tools, training)
    if found is None or found["Status"] not in TRAINED:
        status = "gone" if found is None else found["Status"]
        raise CommandError(f"{training.arn} is {status}, not TRAINED; run train to wait for it or to train anew")
    there = _endpoint_made_before(tools, state)
    if there is None:
        endpoint = _create_endpoint(tools, state, training, options)
    else:
        endpoint = _update_endpoint(tools, state, training, there, options)
    if not options.wait:
        tools.say(f"{endpoint.arn} is being made ready; run the same command again to wait for it")
        return
    ready = watch(tools, "endpoint", partial(_endpoint, tools, endpoint), CHANGING)
    if ready is None or ready["Status"] != "IN_SERVICE":
        status = "gone" if ready is None else ready["Status"]
        message = one_line((ready or {}).get("Message") or "Comprehend does not say why")
        raise CommandError(f"{endpoint.arn} is {status}: {message}; run delete, then deploy again", status=1)
    settings = settings_for(str(endpoint.arn), tools.region, training.classes)
    tools.say(f"\n{endpoint.arn}\n\nSettings for text moderation:\n\n{settings}")


def _endpoint_made_before(tools: Tools, state: State) -> Properties | None:
    """The endpoint of the state, if it exists; also where the answer to its creation was lost."""
    endpoint = state.endpoint
    if endpoint is None:
        return None
    known = endpoint.arn is not None
    # Its ARN is made of its name. There may be another one of that name.
    prefix = endpoint.model.split(":document-classifier/", 1)[0]
    asked = replace(endpoint, arn=endpoint.arn or f"{prefix}:document-classifier-endpoint/{endpoint.name}")
    found = _endpoint(tools, asked)
    if found is None or (not known and found["ModelArn"] != endpoint.model):
        return None
    if not known:
        endpoint.arn = asked.arn
        state.save()
    return found


def settings_for(arn: str, region: str, classes: Collection[str]) -> str:
    """The environment with which text moderation asks this endpoint."""
    lines = [
        f"SAFELIGHT_AWS_REGION={region}",
        "SAFELIGHT_TEXT_MODERATION_DETECTORS=terms,comprehend_classifier",
        f"SAFELIGHT_TEXT_MODERATION_COMPREHEND_ENDPOINT_ARN={arn}",
    ]
    if set(classes) != {comprehend_data.TOXIC, comprehend_data.NOT_TOXIC}:
        labels = json.dumps({name: None if name == SAFE else name for name in classes})
        lines.append(f"SAFELIGHT_TEXT_MODERATION_COMPREHEND_LABELS='{labels}'")
    return "\n".join(lines)


def _create_endpoint(tools: Tools, state: State, training: Training, options: EndpointOptions) -> Endpoint:
    name = options.name or training.name
    check(tools, "ComprehendEndpointName", name, "--endpoint-name")
    wanted = Endpoint(name=name, model=str(training.arn), units=options.units, token=str(uuid.uuid4()))
    begun = state.endpoint
    if begun is not None and begun.arn is None and begun.name != name:
        raise CommandError(
            f"the endpoint {begun.name} was asked for, and whether it came to be is not known yet: run deploy with "
            f"--endpoint-name {begun.name} again, or delete, before you make another"
        )
    if begun is not None and begun.arn is None and replace(begun, token=wanted.token) == wanted:
        # The call may still get through: the same token makes no second one.
        wanted = begun
    tools.say(cost_of_endpoint(options.units, options.price))
    _confirm(tools, f"Create the endpoint {name}?", options)
    state.endpoint = wanted
    state.save()
    wanted.arn = call(
        tools.comprehend.create_endpoint,
        "CreateEndpoint",
        "--units and --endpoint-name",
        expect="EndpointArn",
        EndpointName=wanted.name,
        ModelArn=wanted.model,
        DesiredInferenceUnits=wanted.units,
        ClientRequestToken=wanted.token,
    )
    state.save()
    return wanted


def _update_endpoint(
    tools: Tools, state: State, training: Training, there: Properties, options: EndpointOptions
) -> Endpoint:
    endpoint = state.endpoint
    if endpoint is None or endpoint.arn is None:
        raise CommandError(f"{state.path}: has no endpoint")
    has = there.get("DesiredModelArn") or there["ModelArn"], there["DesiredInferenceUnits"]
    if has == (training.arn, options.units):
        return endpoint
    if there["Status"] != "IN_SERVICE":
        raise CommandError(
            f"{endpoint.arn} is {there['Status']} and cannot be changed now; run the command again later"
        )
    tools.say(f"{endpoint.arn} has {has[1]} inference units and the model {has[0]}")
    tools.say(f"it is to have {options.units} and {training.arn}")
    tools.say(cost_of_endpoint(options.units, options.price))
    _confirm(tools, f"Change the endpoint {endpoint.name}?", options)
    changes: dict[str, Any] = {"DesiredInferenceUnits": options.units}
    if has[0] != training.arn:
        changes["DesiredModelArn"] = training.arn
    call(tools.comprehend.update_endpoint, "UpdateEndpoint", "--units", EndpointArn=endpoint.arn, **changes)
    endpoint.model, endpoint.units = str(training.arn), options.units
    state.save()
    return endpoint


def _confirm(tools: Tools, question: str, options: EndpointOptions) -> None:
    if not options.yes and not tools.ask(question):
        raise CommandError("nothing was done")


def cost_of_endpoint(units: int, price: float | None) -> str:
    """What an endpoint of that many inference units costs; raises CommandError where no price is known."""
    amount, source = price_of_unit_second(price)
    hour = amount * units * 3600
    return (
        f"{units} inference unit{'' if units == 1 else 's'} at ${amount:g} a second each ({source}): ${hour:,.2f} an "
        f"hour, ${hour * 24 * 30:,.0f} in 30 days, asked or idle, from its creation until it is deleted"
    )


def price_of_unit_second(given: float | None) -> tuple[float, str]:
    """Dollars for an inference unit and second, and where that is from. Raises CommandError where it is not known."""
    if given is not None:
        return given, "as you say"
    try:
        from services.gateway.costs import PriceError, load_prices  # not in text moderation's container
    except ModuleNotFoundError:
        raise CommandError(
            f"no price list is at hand: give --price-per-unit-second, the price of an inference unit at {PRICE_PAGE}"
        ) from None
    try:
        prices = load_prices()
        return prices.prices[PRICE_UNIT].amount, f"price list {prices.title}"
    except (PriceError, KeyError):
        raise CommandError(f"the price list has no {PRICE_UNIT}: give --price-per-unit-second") from None


def _endpoint(tools: Tools, endpoint: Endpoint) -> Properties | None:
    """What Comprehend says of it; None if it does not exist. Raises CommandError."""
    return _describe(
        tools.comprehend.describe_endpoint, "DescribeEndpoint", "EndpointProperties", EndpointArn=endpoint.arn
    )


# What there is, and the end of it.


def status(tools: Tools, state_path: Path, price: float | None) -> None:
    """Prints classifiers and endpoint, with their states, metrics and costs. Raises CommandError."""
    state = _required(tools, state_path)
    for training in state.trainings:
        tools.say(f"classifier {training.name}, version {training.version}, {training.mode}")
        tools.say(f"  data: {_uri(training)}{'' if training.uploaded else ' (not uploaded yet)'}")
        if training.arn is None:
            tools.say("  not created yet: run train to go on\n")
            continue
        found = _classifier(tools, training)
        tools.say(f"  {training.arn}: {'gone' if found is None else found['Status']}")
        if found and found.get("Message"):
            tools.say(f"  {one_line(found['Message'])}")
        if found and found["Status"] in TRAINED:
            tools.say("\n" + "\n".join(f"  {line}" for line in metrics_table(found).splitlines()))
        tools.say("")
    endpoint = state.endpoint
    if endpoint is None:
        tools.say("no endpoint: nothing is billed by the hour")
        return
    if endpoint.arn is None:
        tools.say(f"endpoint {endpoint.name}: whether it was created is not known; run deploy to go on")
        return
    there = _endpoint(tools, endpoint)
    tools.say(f"endpoint {endpoint.name} of {endpoint.model}")
    tools.say(f"  {endpoint.arn}: {'gone' if there is None else there['Status']}")
    if there is None:
        return
    if there.get("Message"):
        tools.say(f"  {one_line(there['Message'])}")
    try:
        tools.say(f"  {cost_of_endpoint(int(there['DesiredInferenceUnits']), price)}")
    except CommandError as error:
        tools.say(f"  {there['DesiredInferenceUnits']} inference units; {error}")


def delete(tools: Tools, state_path: Path, *, classifier: bool, data: bool, wait: bool = True) -> None:
    """Deletes the endpoint; with `classifier` every version of the classifier too, with `data` what was uploaded.

    What is gone already is no error. Raises CommandError.
    """
    state = _load(tools, state_path)
    if state is None:
        tools.say(f"{state_path}: there is nothing to delete")
        return
    if state.endpoint is not None:
        _delete_endpoint(tools, state, state.endpoint, wait=wait)
    if state.endpoint is None and classifier:
        for training in list(state.trainings):
            _delete_classifier(tools, state, training, wait=wait, data=data)
    if state.endpoint is None and not classifier:
        kept = [one for one in state.trainings if one.arn is not None]
        if kept:
            tools.say(f"{len(kept)} classifier(s) kept, which are billed by the month: --classifier deletes them")


def _delete_endpoint(tools: Tools, state: State, endpoint: Endpoint, *, wait: bool) -> None:
    there = _endpoint_made_before(tools, state)
    if there is not None and wait:
        # One that is being made or changed cannot be deleted.
        there = watch(tools, "endpoint", partial(_endpoint, tools, endpoint), CHANGING)
    if there is not None and there["Status"] not in DELETING:
        tools.say(f"deleting {endpoint.arn}")
        _delete(tools.comprehend.delete_endpoint, "DeleteEndpoint", EndpointArn=endpoint.arn)
    if there is not None and not wait:
        tools.say("run the same command again to see that it is gone")
        return
    if there is not None and watch(tools, "endpoint", partial(_endpoint, tools, endpoint), DELETING):
        raise CommandError(f"{endpoint.arn} is still there; run the same command again")
    tools.say(f"gone: {endpoint.arn or endpoint.name}")
    state.endpoint = None
    state.save()


def _delete(operation: Callable[..., Any], name: str, **parameters: Any) -> None:
    try:
        call(operation, name, "--state", **parameters)
    except CommandError as error:
        if error.code != MISSING:
            raise


def _delete_classifier(tools: Tools, state: State, training: Training, *, wait: bool, data: bool) -> None:
    if training.arn is None and training.uploaded:
        # The answer to its creation may have been lost.
        training.arn = _made_before(tools, training)
    if training.arn is not None:
        found = _classifier(tools, training)
        if found is not None and found["Status"] in TRAINING:
            tools.say(f"stopping {training.arn}")
            call(
                tools.comprehend.stop_training_document_classifier,
                "StopTrainingDocumentClassifier",
                "--state",
                DocumentClassifierArn=training.arn,
            )
            if not wait:
                tools.say("run the same command again to delete it when it has stopped")
                return
            found = watch(tools, "classifier", partial(_classifier, tools, training), TRAINING)
        if found is not None and found["Status"] not in DELETING:
            tools.say(f"deleting {training.arn}")
            delete = tools.comprehend.delete_document_classifier
            _delete(delete, "DeleteDocumentClassifier", DocumentClassifierArn=training.arn)
        if found is not None and not wait:
            tools.say("run the same command again to see that it is gone")
            return
        if found is not None and watch(tools, "classifier", partial(_classifier, tools, training), DELETING):
            raise CommandError(f"{training.arn} is still there; run the same command again")
        tools.say(f"gone: {training.arn}")
    if data:
        # S3 does not mind when there is no such object.
        call(tools.storage().delete_object, "DeleteObject", "--bucket", Bucket=training.bucket, Key=training.key)
        tools.say(f"gone: {_uri(training)}")
    state.trainings.remove(training)
    state.save()


# Common to all.


def _load(tools: Tools, path: Path) -> State | None:
    try:
        state = comprehend_state.load(path)
    except comprehend_state.StateError as error:
        raise CommandError(str(error)) from None
    if state is not None and state.region != tools.region:
        raise CommandError(f"{path} is of the region {state.region}, not {tools.region}: give --region or --state")
    return state


def _required(tools: Tools, path: Path) -> State:
    state = _load(tools, path)
    if state is None:
        raise CommandError(f"{path}: there is no such state file; run train first, or give --state")
    return state
