"""Amazon Comprehend's custom classifiers: training them, and the endpoints they answer from.

A classifier is SUBMITTED, then TRAINING, then TRAINED, and an endpoint CREATING, then IN_SERVICE: each is described
once in each state, so that a test steps by asking. Training reads the CSV file from S3 and counts its labels; what
answers from an endpoint afterwards are the embedded text detectors, under those labels.

Sources: the service model; "Guidelines and quotas" and the API reference for when each error comes. That a document is
told apart by the first column is from "Preparing classifier training data". moto knows these calls too, but never
finishes a training: see `moto_server`.
"""

from __future__ import annotations

import csv
import io
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from safelight.common.v1 import category_pb2
from tests.support.aws.comprehend import Classifier, Comprehend
from tests.support.aws.errors import AwsError

MOST_INFERENCE_UNITS = 10
_MADE = datetime(2026, 1, 1, tzinfo=UTC)
_NOT_FOUND = "RESOURCE_NOT_FOUND: Could not find specified resource."


@dataclass
class Model:
    """A custom classifier in training, or trained."""

    asked: Mapping[str, Any]
    status: str = "SUBMITTED"
    message: str = ""
    labels: Mapping[str, int] = field(default_factory=dict)
    """How many documents each label has."""


@dataclass
class _Endpoint:
    model: str
    units: int
    classifier: Classifier
    status: str = "CREATING"


@dataclass
class Training:
    """The operations. Set its fields before the calls that they concern."""

    comprehend: Comprehend
    s3: Callable[[], Any]
    models: dict[str, Model] = field(default_factory=dict)
    """By ARN."""
    ends: str = "TRAINED"
    """How training ends: TRAINED, TRAINED_WITH_WARNING or IN_ERROR."""
    message: str = ""
    """The message that an end other than TRAINED comes with."""
    least_documents: int = 10
    """How many documents a label needs; training with fewer ends IN_ERROR."""
    metrics: Mapping[str, float] = field(
        default_factory=lambda: {
            "Accuracy": 0.9,
            "Precision": 0.88,
            "Recall": 0.86,
            "F1Score": 0.87,
            "MicroPrecision": 0.9,
            "MicroRecall": 0.9,
            "MicroF1Score": 0.9,
            "HammingLoss": 0.1,
        }
    )
    _endpoints: dict[str, _Endpoint] = field(default_factory=dict)
    _tokens: dict[str, str] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def operations(self) -> dict[str, Callable[[dict[str, Any]], dict[str, Any]]]:
        """The handlers by operation."""
        handlers = {
            "CreateDocumentClassifier": self._create,
            "DescribeDocumentClassifier": self._describe,
            "ListDocumentClassifiers": self._list,
            "StopTrainingDocumentClassifier": self._stop,
            "DeleteDocumentClassifier": self._delete,
            "CreateEndpoint": self._create_endpoint,
            "DescribeEndpoint": self._describe_endpoint,
            "ListEndpoints": self._list_endpoints,
            "UpdateEndpoint": self._update_endpoint,
            "DeleteEndpoint": self._delete_endpoint,
        }
        return {name: self._alone(handler) for name, handler in handlers.items()}

    def _alone(self, handler: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[dict[str, Any]], dict[str, Any]]:
        def handle(asked: dict[str, Any]) -> dict[str, Any]:
            with self._lock:
                return handler(asked)

        return handle

    # Classifiers.

    def _create(self, asked: dict[str, Any]) -> dict[str, Any]:
        token = asked.get("ClientRequestToken", "")
        if token in self._tokens:
            return {"DocumentClassifierArn": self._tokens[token]}
        if asked["LanguageCode"] not in ("en", "es", "fr", "de", "it", "pt"):
            raise AwsError("UnsupportedLanguageException", f"{asked['LanguageCode']} is not supported.")
        if "S3Uri" not in asked["InputDataConfig"]:
            raise AwsError("InvalidRequestException", "InputDataConfig needs S3Uri", Reason="INVALID_DOCUMENT")
        name, version = asked["DocumentClassifierName"], asked.get("VersionName")
        arn = f"arn:aws:comprehend:{self.comprehend.region}:{self.comprehend.account}:document-classifier/{name}"
        arn += f"/version/{version}" if version else ""
        if arn in self.models:
            raise AwsError("ResourceInUseException", f"The name is already in use: {arn}")
        self.models[arn] = Model(asked)
        if token:
            self._tokens[token] = arn
        return {"DocumentClassifierArn": arn}

    def _find(self, arn: str) -> Model:
        if arn not in self.models:
            raise AwsError("ResourceNotFoundException", _NOT_FOUND)
        return self.models[arn]

    def _describe(self, asked: dict[str, Any]) -> dict[str, Any]:
        arn = asked["DocumentClassifierArn"]
        model = self._find(arn)
        described = self._properties(arn, model)
        self._advance(model)
        return {"DocumentClassifierProperties": described}

    def _advance(self, model: Model) -> None:
        match model.status:
            case "SUBMITTED":
                model.status = "TRAINING"
                try:
                    model.labels = self._count(model.asked)
                except (ClientError, ValueError) as error:
                    model.status, model.message = "IN_ERROR", f"The training data cannot be read: {error}"
            case "TRAINING":
                few = [label for label, count in model.labels.items() if count < self.least_documents]
                model.status, model.message = self.ends, self.message
                if few:
                    model.status = "IN_ERROR"
                    model.message = f"Found labels with fewer than {self.least_documents} documents: {', '.join(few)}"
            case "STOP_REQUESTED":
                model.status = "STOPPED"

    def _count(self, asked: Mapping[str, Any]) -> Mapping[str, int]:
        """How many documents each label has in the CSV files at the location."""
        config = asked["InputDataConfig"]
        bucket, _, prefix = config["S3Uri"].removeprefix("s3://").partition("/")
        s3 = self.s3()
        keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", ())]
        if not keys:
            raise ValueError(f"there is nothing at {config['S3Uri']}")
        counts: Counter[str] = Counter()
        for key in keys:
            text = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode("utf-8")
            for row in csv.reader(io.StringIO(text)):
                if len(row) != 2:
                    raise ValueError(f"a row of {len(row)} columns in {key}")
                several = asked.get("Mode") == "MULTI_LABEL"
                counts.update(row[0].split(config.get("LabelDelimiter", "|")) if several else [row[0]])
        return counts

    def _properties(self, arn: str, model: Model) -> dict[str, Any]:
        asked = model.asked
        taken = ("LanguageCode", "InputDataConfig", "OutputDataConfig", "DataAccessRoleArn", "VersionName")
        described: dict[str, Any] = {
            **{name: asked[name] for name in taken if name in asked},
            "DocumentClassifierArn": arn,
            "Status": model.status,
            "SubmitTime": _MADE,
            "Mode": asked.get("Mode", "MULTI_CLASS"),
        }
        if model.message:
            described["Message"] = model.message
        if model.status != "SUBMITTED":
            described["TrainingStartTime"] = _MADE
        if model.status in ("TRAINED", "TRAINED_WITH_WARNING", "IN_ERROR", "STOPPED"):
            described["EndTime"] = _MADE
        if model.status.startswith("TRAINED"):
            documents = sum(model.labels.values())
            described["TrainingEndTime"] = _MADE
            described["ClassifierMetadata"] = {
                "NumberOfLabels": len(model.labels),
                # How many Comprehend keeps for the test is not documented to the document; a tenth is common.
                "NumberOfTrainedDocuments": documents - documents // 10,
                "NumberOfTestDocuments": documents // 10,
                "EvaluationMetrics": dict(self.metrics),
            }
        return described

    def _list(self, asked: dict[str, Any]) -> dict[str, Any]:
        wanted = asked.get("Filter", {})
        found = [
            self._properties(arn, model)
            for arn, model in self.models.items()
            if wanted.get("Status", model.status) == model.status
            and wanted.get("DocumentClassifierName", model.asked["DocumentClassifierName"])
            == model.asked["DocumentClassifierName"]
        ]
        return {"DocumentClassifierPropertiesList": found}

    def _stop(self, asked: dict[str, Any]) -> dict[str, Any]:
        model = self._find(asked["DocumentClassifierArn"])
        if model.status in ("SUBMITTED", "TRAINING"):
            model.status = "STOP_REQUESTED"
        return {}

    def _delete(self, asked: dict[str, Any]) -> dict[str, Any]:
        arn = asked["DocumentClassifierArn"]
        model = self._find(arn)
        if any(endpoint.model == arn for endpoint in self._endpoints.values()):
            raise AwsError("ResourceInUseException", "An endpoint uses the classifier.")
        if model.status in ("SUBMITTED", "TRAINING", "STOP_REQUESTED"):
            raise AwsError("ResourceUnavailableException", f"The classifier is {model.status}.")
        del self.models[arn]
        return {}

    # Endpoints.

    def _create_endpoint(self, asked: dict[str, Any]) -> dict[str, Any]:
        token = asked.get("ClientRequestToken", "")
        model_arn = asked.get("ModelArn", "")
        if token in self._tokens:
            return {"EndpointArn": self._tokens[token], "ModelArn": model_arn}
        model = self._find(model_arn)
        if not model.status.startswith("TRAINED"):
            raise AwsError("ResourceUnavailableException", f"The classifier is {model.status}.")
        arn = self.comprehend.endpoint_arn(asked["EndpointName"])
        if arn in self._endpoints or arn in self.comprehend.classifiers:
            raise AwsError("ResourceInUseException", f"The name is already in use: {arn}")
        self._check_units(asked["DesiredInferenceUnits"])
        classifier = Classifier(
            model.asked.get("Mode", "MULTI_CLASS"), _meanings(list(model.labels)), status="CREATING"
        )
        self._endpoints[arn] = _Endpoint(model_arn, asked["DesiredInferenceUnits"], classifier)
        if token:
            self._tokens[token] = arn
        return {"EndpointArn": arn, "ModelArn": model_arn}

    def _check_units(self, units: int) -> None:
        if units > MOST_INFERENCE_UNITS:
            raise AwsError("ResourceLimitExceededException", f"At most {MOST_INFERENCE_UNITS} inference units.")

    def _find_endpoint(self, arn: str) -> _Endpoint:
        if arn not in self._endpoints:
            raise AwsError("ResourceNotFoundException", _NOT_FOUND)
        return self._endpoints[arn]

    def _describe_endpoint(self, asked: dict[str, Any]) -> dict[str, Any]:
        arn = asked["EndpointArn"]
        if arn not in self._endpoints:
            return self.comprehend.describe_endpoint(asked)
        endpoint = self._endpoints[arn]
        described = self._endpoint_properties(arn, endpoint)
        match endpoint.status:
            case "CREATING" | "UPDATING":
                endpoint.status = "IN_SERVICE"
                self.comprehend.classifiers[arn] = replace(
                    endpoint.classifier, status="IN_SERVICE", inference_units=endpoint.units
                )
            case "DELETING":
                del self._endpoints[arn]
        return {"EndpointProperties": described}

    def _endpoint_properties(self, arn: str, endpoint: _Endpoint) -> dict[str, Any]:
        described: dict[str, Any] = {
            "EndpointArn": arn,
            "Status": endpoint.status,
            "ModelArn": endpoint.model,
            "DesiredInferenceUnits": endpoint.units,
            "CreationTime": _MADE,
            "LastModifiedTime": _MADE,
        }
        if endpoint.status == "IN_SERVICE":
            described["CurrentInferenceUnits"] = endpoint.units
        return described

    def _list_endpoints(self, asked: dict[str, Any]) -> dict[str, Any]:
        wanted = asked.get("Filter", {})
        found = [
            self._endpoint_properties(arn, endpoint)
            for arn, endpoint in self._endpoints.items()
            if wanted.get("ModelArn", endpoint.model) == endpoint.model
            and wanted.get("Status", endpoint.status) == endpoint.status
        ]
        return {"EndpointPropertiesList": found}

    def _update_endpoint(self, asked: dict[str, Any]) -> dict[str, Any]:
        endpoint = self._find_endpoint(asked["EndpointArn"])
        if endpoint.status != "IN_SERVICE":
            raise AwsError("ResourceInUseException", f"The endpoint is {endpoint.status}.")
        units = asked.get("DesiredInferenceUnits", endpoint.units)
        self._check_units(units)
        endpoint.model = asked.get("DesiredModelArn", endpoint.model)
        endpoint.units, endpoint.status = units, "UPDATING"
        return {}

    def _delete_endpoint(self, asked: dict[str, Any]) -> dict[str, Any]:
        arn = asked["EndpointArn"]
        endpoint = self._find_endpoint(arn)
        if endpoint.status in ("CREATING", "UPDATING"):
            raise AwsError("ResourceInUseException", f"The endpoint is {endpoint.status}.")
        endpoint.status = "DELETING"
        self.comprehend.classifiers.pop(arn, None)
        return {}


def _meanings(labels: Sequence[str]) -> dict[str, Sequence[str] | None]:
    """What each label of a trained classifier stands for: the category of its name, the rest where it says that
    nothing applies, and else anything at all.
    """
    categories = {name.removeprefix("CATEGORY_").lower() for name in category_pb2.Category.keys()}  # noqa: SIM118
    meanings: dict[str, Sequence[str] | None] = {}
    for label in labels:
        word = label.strip().lower().replace(" ", "_").replace("-", "_")
        if word.startswith(("not_", "non_")) or word in ("safe", "none", "clean", "neutral", "harmless", "ok"):
            meanings[label] = None
        else:
            meanings[label] = (word,) if word in categories else ()
    return meanings
