"""A classifier at Amazon Comprehend from its data to its end: the real commands against the stand-in, S3 by moto."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest

from services.text_moderation.classifier import comprehend, comprehend_remote
from services.text_moderation.classifier.cli import main
from services.text_moderation.classifier.comprehend_state import beside, load
from tests.support.aws import AwsStandIn, Classifier, faults, moto_server

BUCKET = "training-data"
ROLE = "arn:aws:iam::123456789012:role/comprehend-reads-s3"
PRIVATE = "a lighthouse nobody may read about"


class Ran(NamedTuple):
    """What a command did."""

    status: int
    out: str
    err: str


@dataclass
class Commands:
    """Runs the commands; waiting takes no time and moves their clock."""

    aws: AwsStandIn
    data: Path
    capsys: pytest.CaptureFixture[str]
    now: float = 0.0
    waits: list[float] = field(default_factory=list)
    interrupt_at: int | None = None
    """The wait, from 0, at which Ctrl-C is pressed."""

    def wait(self, seconds: float) -> None:
        if self.interrupt_at == len(self.waits):
            self.interrupt_at = None
            raise KeyboardInterrupt
        self.waits.append(seconds)
        self.now += seconds

    def run(self, *arguments: str, ask: Callable[[str], bool] | None = None) -> Ran:
        status = main(arguments, wait=self.wait, clock=lambda: self.now, ask=ask)
        return Ran(status, *self.capsys.readouterr())

    def train(self, *options: str, bucket: str = BUCKET, role: str = ROLE) -> Ran:
        where = ("--provider", "comprehend", "--bucket", bucket, "--role", role)
        return self.run("train", str(self.data), *where, *options)

    def deploy(self, *options: str, ask: Callable[[str], bool] | None = None) -> Ran:
        return self.run("deploy", str(self.data), *options, ask=ask)

    def tools(self, say: Callable[[str], None] = lambda line: None) -> comprehend_remote.Tools:
        """What the commands work with, for a test that puts a hook on the clients."""
        clients = comprehend_remote.connect(region=None, endpoint_url=None)
        return comprehend_remote.Tools(
            *clients, say=say, ask=lambda question: True, wait=self.wait, clock=lambda: self.now
        )

    @cached_property
    def s3(self) -> Any:
        return self.aws.s3()

    @cached_property
    def client(self) -> Any:
        return self.aws.client("comprehend")

    @property
    def objects(self) -> list[str]:
        return [entry["Key"] for entry in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", ())]

    @property
    def classifiers(self) -> list[str]:
        return list(self.aws.training.models)

    @property
    def endpoints(self) -> list[str]:
        found = self.client.list_endpoints()["EndpointPropertiesList"]
        return [endpoint["EndpointArn"] for endpoint in found]


def write(path: Path, texts: int = 60) -> Path:
    """A file of three labels and safe texts, `texts` of each kind, each text a different one."""
    kinds = {"safe": "a calm lake", "hate|insult": "words of hate", "violence": PRIVATE}
    path.write_text("".join(f"{label},{text} {i}\n" for i in range(texts) for label, text in kinds.items()))
    return path


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    """One for all tests: moto takes half a second to stop."""
    with moto_server() as url:
        yield url


@pytest.fixture
def commands(
    s3_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Commands]:
    with AwsStandIn(s3_url=s3_url) as aws:
        for name, value in aws.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("SAFELIGHT_AWS_ENDPOINT_URL")
        monkeypatch.setenv("AWS_ENDPOINT_URL_COMPREHEND", aws.url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3_url)
        # boto3 would sleep before it repeats a call.
        monkeypatch.setenv("SAFELIGHT_AWS_MAX_ATTEMPTS", "1")
        made = Commands(aws, write(tmp_path / "data.csv"), capsys)
        made.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": aws.region})
        yield made
        for key in made.objects:
            made.s3.delete_object(Bucket=BUCKET, Key=key)
        made.s3.delete_bucket(Bucket=BUCKET)
        assert aws.invalid_requests == []


def test_from_data_to_an_endpoint_and_its_settings(commands: Commands) -> None:
    """Training uploads, waits and prints all metrics; deploying waits and prints what to set; no text is printed."""
    trained = commands.train()
    assert trained.status == 0
    [arn] = commands.classifiers
    assert arn in trained.out
    for said in ("SUBMITTED", "0:00:30 classifier TRAINING", "0:01:00 classifier TRAINED", "micro F1 score"):
        assert said in trained.out
    for metric in commands.aws.training.metrics.values():
        assert f"{metric:.4f}" in trained.out
    [create] = commands.aws.requests_of("CreateDocumentClassifier")
    assert create.params["Mode"] == "MULTI_LABEL"
    assert create.params["DataAccessRoleArn"] == ROLE
    assert create.params["InputDataConfig"]["S3Uri"] == f"s3://{BUCKET}/{commands.objects[0]}"
    assert commands.aws.training.models[arn].labels == {"safe": 60, "hate": 60, "insult": 60, "violence": 60}
    deployed = commands.deploy("--yes", "--units", "2")
    assert deployed.status == 0
    [endpoint] = commands.endpoints
    assert f"SAFELIGHT_TEXT_MODERATION_COMPREHEND_ENDPOINT_ARN={endpoint}\n" in deployed.out
    assert "SAFELIGHT_TEXT_MODERATION_DETECTORS=terms,comprehend_classifier\n" in deployed.out
    assert "SAFELIGHT_AWS_REGION=eu-west-1\n" in deployed.out
    assert '{"hate": "hate", "insult": "insult", "safe": null, "violence": "violence"}' in deployed.out
    assert PRIVATE not in trained.out + trained.err + deployed.out


def test_status_lists_states_metrics_and_cost(commands: Commands) -> None:
    """What there is, with its states; the cost of an hour only where there is an endpoint."""
    commands.train()
    before = commands.run("status", str(commands.data))
    assert "TRAINED" in before.out
    assert "hamming loss" in before.out
    assert "no endpoint" in before.out
    commands.deploy("--yes", "--units", "3")
    after = commands.run("status", str(commands.data))
    assert "IN_SERVICE" in after.out
    assert "$5.40 an hour" in after.out


def test_two_classes_are_what_the_detector_knows_by_itself(commands: Commands) -> None:
    """With --two-class the data has the classes Toxic and Not Toxic, in multi-class mode, and needs no labels set."""
    assert commands.train("--two-class").status == 0
    [model] = commands.aws.training.models.values()
    assert model.labels == {"Not Toxic": 60, "Toxic": 120}
    assert model.asked["Mode"] == "MULTI_CLASS"
    assert "COMPREHEND_LABELS" not in commands.deploy("--yes").out


def interrupt(client: Any, event: str) -> None:
    def press(**_: Any) -> None:
        raise KeyboardInterrupt

    client.meta.events.register(event, press)


OPTIONS = comprehend.TrainingOptions(
    name="safelight-text", bucket=BUCKET, prefix="safelight", role=ROLE, mode="MULTI_LABEL", two_class=False
)


@pytest.mark.parametrize(
    "event",
    [
        "before-call.s3.HeadBucket",
        "before-call.comprehend.CreateDocumentClassifier",
        "after-call.comprehend.CreateDocumentClassifier",
        "before-call.comprehend.DescribeDocumentClassifier",
        "after-call.comprehend.DescribeDocumentClassifier",
    ],
)
def test_an_interrupted_training_goes_on_where_it_was(commands: Commands, event: str) -> None:
    """Cut off before or after any call, even before its answer is there: run again, there is one classifier."""
    tools = commands.tools()
    for client in (tools.comprehend, tools.storage()):
        interrupt(client, event)
    with pytest.raises(KeyboardInterrupt):
        comprehend.train(tools, commands.data, beside(commands.data), OPTIONS)
    begun = load(beside(commands.data))
    assert begun is not None
    ran = commands.train()
    assert ran.status == 0
    assert "going on with" in ran.out
    assert len(commands.classifiers) == 1
    tokens = {request.params["ClientRequestToken"] for request in commands.aws.requests_of("CreateDocumentClassifier")}
    assert tokens == {begun.trainings[0].token}
    assert len(commands.objects) == 1


@pytest.mark.parametrize("event", ["before-call", "after-call"])
def test_an_interrupted_deployment_goes_on_where_it_was(commands: Commands, event: str) -> None:
    """The same for the endpoint, which would be billed twice."""
    commands.train()
    tools = commands.tools()
    interrupt(tools.comprehend, f"{event}.comprehend.CreateEndpoint")
    wanted = comprehend.EndpointOptions(units=1, name=None, price=None, yes=True)
    with pytest.raises(KeyboardInterrupt):
        comprehend.deploy(tools, beside(commands.data), wanted)
    ran = commands.deploy("--yes")
    assert ran.status == 0
    assert len(commands.endpoints) == 1
    assert len(commands.aws.requests_of("CreateEndpoint")) == 1


@pytest.mark.parametrize("command", ["train", "deploy"])
def test_ctrl_c_while_waiting_is_no_loss(commands: Commands, command: str) -> None:
    """It says how to go on, exits with 130, and the next run waits on without making anything new."""
    run = commands.train if command == "train" else lambda: commands.deploy("--yes")
    if command == "deploy":
        commands.train()
    commands.interrupt_at = len(commands.waits)
    stopped = run()
    assert stopped.status == 130
    assert "run the same command again" in stopped.err
    assert run().status == 0
    assert len(commands.classifiers) == 1
    assert len(commands.endpoints) == (command == "deploy")


def test_sigint_ends_the_process_in_order(commands: Commands) -> None:
    """The real process, asked to stop while Comprehend is slow to answer: 130, one line, and what it had begun kept."""
    gate = faults.Gate()
    commands.aws.misbehave("DescribeDocumentClassifier", faults.Slow(gate), times=1)
    arguments = ["train", str(commands.data), "--provider", "comprehend", "--bucket", BUCKET, "--role", ROLE]
    with subprocess.Popen(
        [sys.executable, "-m", "services", "classifier", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        gate.wait_until_reached(60)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    gate.open()
    assert process.returncode == 130, err
    assert err == "interrupted; run the same command again to go on\n"
    assert "training arn:aws:comprehend" in out
    assert commands.train().status == 0
    assert len(commands.classifiers) == 1


def test_a_lost_state_file_makes_nothing_twice(commands: Commands) -> None:
    """A version's name has its data in it: Comprehend says that it is in use, and it is found and taken up."""
    commands.train("--no-wait")
    beside(commands.data).unlink()
    ran = commands.train()
    assert ran.status == 0
    assert len(commands.classifiers) == 1


def test_a_name_that_is_taken_is_not_taken_up(commands: Commands) -> None:
    """A classifier of that name and version, but of other data in another place, is not ours."""
    commands.train("--no-wait")
    beside(commands.data).unlink()
    ran = commands.train("--prefix", "elsewhere")
    assert ran.status == 2
    assert "ResourceInUseException" in ran.err
    assert "--name" in ran.err


def test_not_waiting_returns_at_once(commands: Commands) -> None:
    """--no-wait begins the training and does not look; the next run waits for it."""
    ran = commands.train("--no-wait")
    assert (ran.status, commands.waits) == (0, [])
    assert commands.aws.requests_of("DescribeDocumentClassifier") == []
    assert "0:01:00 classifier TRAINED" in commands.train().out


def test_a_failed_training_says_why(commands: Commands) -> None:
    """Comprehend's own message and exit status 1; run again, a new version is trained."""
    commands.aws.training.ends, commands.aws.training.message = "IN_ERROR", "The data could not be\nread."
    failed = commands.train()
    assert failed.status == 1
    assert "IN_ERROR: The data could not be read.; run again" in failed.err
    assert commands.deploy("--yes").status == 2
    commands.aws.training.ends, commands.aws.training.message = "TRAINED_WITH_WARNING", "Some rows were skipped."
    again = commands.train()
    assert again.status == 0
    assert "failed: a new version begins" in again.out
    assert "TRAINED_WITH_WARNING: Some rows were skipped." in again.out
    assert [arn.rsplit("/", 1)[1][:3] for arn in commands.classifiers] == ["v1-", "v2-"]


def test_changed_data_is_a_new_version(commands: Commands) -> None:
    """It is not taken for the old data; the endpoint keeps its ARN and is given the new version."""
    commands.train()
    commands.deploy("--yes")
    write(commands.data, texts=70)
    ran = commands.train()
    assert "was of other data: a new version begins" in ran.out
    old, new = commands.classifiers
    assert [arn.split("/version/")[1][:3] for arn in (old, new)] == ["v1-", "v2-"]
    assert commands.aws.training.models[new].labels["safe"] == 70
    assert len(commands.objects) == 2
    assert commands.deploy("--yes").status == 0
    [change] = commands.aws.requests_of("UpdateEndpoint")
    assert change.params["DesiredModelArn"] == new
    assert commands.deploy("--yes").status == 0
    assert len(commands.aws.requests_of("UpdateEndpoint")) == 1
    assert len(commands.endpoints) == 1


def test_the_price_is_said_before_anything_is_made(commands: Commands) -> None:
    """When the question comes the price has been said and nothing created; "no" leaves it at that."""
    commands.train()
    asked = []

    def no(question: str) -> bool:
        asked.append((question, commands.capsys.readouterr().out, commands.aws.requests_of("CreateEndpoint")))
        return False

    ran = commands.deploy("--units", "2", ask=no)
    [(question, said, created)] = asked
    assert "safelight-text" in question
    assert "$3.60 an hour" in said
    assert created == []
    assert ran.status == 2
    assert commands.endpoints == []
    assert commands.deploy("--price-per-unit-second", "0.001", ask=lambda question: True).status == 0
    assert len(commands.endpoints) == 1


def test_without_a_terminal_it_does_not_deploy_unasked(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody can be asked, --yes is needed."""
    commands.train()
    with Path("/dev/null").open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        ran = commands.deploy()
    assert ran.status == 2
    assert "--yes" in ran.err
    assert commands.endpoints == []


def test_without_a_price_list_the_price_has_to_be_given(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in text moderation's container, which has no gateway in it."""
    commands.train()
    monkeypatch.setitem(sys.modules, "services.gateway.costs", None)
    ran = commands.deploy("--yes")
    assert ran.status == 2
    assert "--price-per-unit-second" in ran.err
    assert commands.endpoints == []
    assert "$1.80 an hour" in commands.deploy("--yes", "--price-per-unit-second", "0.0005").out
    assert "--price-per-unit-second" in commands.run("status", str(commands.data)).out


def test_deleting_twice(commands: Commands) -> None:
    """The endpoint alone first, then all; each may be repeated, and in the end nothing is left."""
    commands.train()
    commands.deploy("--yes")
    delete = ("delete", str(commands.data))
    first = commands.run(*delete)
    assert first.status == 0
    assert "--classifier" in first.out
    assert (commands.endpoints, len(commands.classifiers), len(commands.objects)) == ([], 1, 1)
    assert commands.run(*delete).status == 0
    assert commands.run(*delete, "--all").status == 0
    assert (commands.classifiers, commands.objects) == ([], [])
    assert not beside(commands.data).exists()
    last = commands.run(*delete, "--all")
    assert last.status == 0
    assert "nothing to delete" in last.out


def test_what_somebody_else_deleted_is_no_error(commands: Commands) -> None:
    """Endpoint and classifier are gone already: delete tidies up, and train begins a new version."""
    commands.train()
    commands.deploy("--yes")
    client = commands.client
    client.delete_endpoint(EndpointArn=commands.endpoints[0])
    assert commands.run("delete", str(commands.data)).status == 0
    client.delete_document_classifier(DocumentClassifierArn=commands.classifiers[0])
    assert "gone" in commands.run("status", str(commands.data)).out
    assert commands.train().status == 1
    assert commands.train().status == 0
    assert commands.run("delete", str(commands.data), "--all").status == 0
    assert (commands.classifiers, commands.objects) == ([], [])


def test_deleting_stops_a_training(commands: Commands) -> None:
    """Comprehend deletes no classifier that is in training, so it is stopped first."""
    commands.train("--no-wait")
    ran = commands.run("delete", str(commands.data), "--classifier")
    assert ran.status == 0
    assert "STOPPED" in ran.out
    assert commands.classifiers == []


def test_deleting_finds_what_was_begun_and_never_answered(commands: Commands) -> None:
    """Cut off before the answers to both creations: all is deleted nevertheless."""
    tools = commands.tools()
    interrupt(tools.comprehend, "after-call.comprehend.CreateDocumentClassifier")
    with pytest.raises(KeyboardInterrupt):
        comprehend.train(tools, commands.data, beside(commands.data), OPTIONS)
    commands.train()
    interrupt(tools.comprehend, "after-call.comprehend.CreateEndpoint")
    with pytest.raises(KeyboardInterrupt):
        comprehend.deploy(tools, beside(commands.data), comprehend.EndpointOptions(1, None, None, yes=True))
    assert len(commands.endpoints) == 1
    assert commands.run("delete", str(commands.data), "--all").status == 0
    assert (commands.endpoints, commands.classifiers, commands.objects) == ([], [], [])


def test_another_endpoint_of_the_same_name_is_left_alone(commands: Commands) -> None:
    """An endpoint that this state did not make is neither taken up nor deleted, whatever its name."""
    commands.train("--name", "theirs")
    commands.deploy("--yes", "--endpoint-name", "shared")
    beside(commands.data).unlink()
    commands.train("--name", "ours")
    ran = commands.deploy("--yes", "--endpoint-name", "shared")
    assert ran.status == 2
    assert "--endpoint-name" in ran.err
    assert commands.run("delete", str(commands.data), "--all").status == 0
    assert len(commands.endpoints) == 1


def one_line(ran: Ran, *names: str) -> None:
    assert ran.status == 2, ran
    assert ran.err.count("\n") == 1, ran.err
    assert "Traceback" not in ran.err
    for name in names:
        assert name in ran.err


def test_a_missing_bucket(commands: Commands) -> None:
    """One line that names the option; nothing is trained, and with the right bucket it goes on."""
    one_line(commands.train(bucket="no-such-bucket"), "--bucket no-such-bucket", "no such bucket")
    assert commands.classifiers == []
    assert commands.train().status == 0


def test_a_bucket_of_another_region(commands: Commands) -> None:
    """Comprehend takes data from its own region only."""
    elsewhere = boto3.client("s3", region_name="us-west-2")
    elsewhere.create_bucket(Bucket="far-away", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    one_line(commands.train(bucket="far-away"), "--bucket far-away", "us-west-2", "eu-west-1")


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"role": "comprehend-reads-s3"}, "--role"),
        ({"bucket": "No_Bucket"}, "--bucket"),
    ],
)
def test_what_cannot_be_a_name_is_not_sent(commands: Commands, options: dict[str, str], names: str) -> None:
    """Names are held against the service's own model before anything is uploaded."""
    one_line(commands.train(**options), names)
    assert commands.aws.requests == []
    one_line(commands.train("--name", "under_scores"), "--name")


@pytest.mark.parametrize(
    ("fault", "names"),
    [
        (faults.Error("InvalidRequestException", "The role cannot be assumed."), ("--role", "cannot be assumed")),
        (faults.Error("AccessDeniedException", "User may not CreateDocumentClassifier"), ("AWS_PROFILE", "--role")),
        (faults.Error("TooManyRequestsException"), ("throttled", "SAFELIGHT_AWS_MAX_ATTEMPTS")),
        (faults.Error("ThrottlingException"), ("throttled", "SAFELIGHT_AWS_MAX_ATTEMPTS")),
        (faults.Error("ResourceLimitExceededException"), ("quota",)),
        (faults.Error("KmsKeyValidationException"), ("--bucket",)),
        (faults.Error("UnrecognizedClientException"), ("AWS_PROFILE",)),
        (faults.HtmlError(503), ("--endpoint-url",)),
        (faults.Reset(), ("--endpoint-url",)),
        (faults.Garbage(), ("--endpoint-url",)),
        (faults.WrongShape(), ("--endpoint-url",)),
        (faults.EmptyBody(), ("--endpoint-url",)),
    ],
)
def test_what_comprehend_refuses_is_one_line(commands: Commands, fault: faults.Fault, names: tuple[str, ...]) -> None:
    """Each names what to look at; afterwards the same command goes on, without a second upload."""
    commands.aws.misbehave("CreateDocumentClassifier", fault)
    one_line(commands.train(), "CreateDocumentClassifier", *names)
    commands.aws.behave()
    again = commands.train()
    assert again.status == 0
    assert "uploading" not in again.out
    assert len(commands.classifiers) == 1


def test_throttling_does_not_end_a_wait(commands: Commands) -> None:
    """A look that is throttled or fails is taken again later; ten in a row are too many."""
    commands.aws.misbehave("DescribeDocumentClassifier", faults.Error("TooManyRequestsException"), times=4)
    commands.aws.misbehave("DescribeDocumentClassifier", faults.Error("InternalServerException"), times=4)
    assert commands.train().status == 0
    commands.aws.misbehave("DescribeEndpoint", faults.Error("TooManyRequestsException"))
    one_line(commands.deploy("--yes"), "throttled")
    commands.aws.behave()
    assert commands.deploy("--yes").status == 0


def test_a_long_wait_says_that_it_waits(commands: Commands) -> None:
    """Every ten minutes without a change there is a line."""
    training = {
        "DocumentClassifierArn": "arn:aws:comprehend:eu-west-1:123456789012:document-classifier/x",
        "Status": "TRAINING",
    }
    commands.aws.answer("DescribeDocumentClassifier", {"DocumentClassifierProperties": training}, times=45)
    out = commands.train().out
    assert "0:10:00 classifier still TRAINING" in out
    assert "0:20:00 classifier still TRAINING" in out
    assert commands.waits[0] == 30


@pytest.mark.parametrize(
    ("missing", "names"),
    [
        (("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), ("credentials", "AWS_PROFILE")),
        (("AWS_DEFAULT_REGION", "AWS_REGION", "SAFELIGHT_AWS_REGION"), ("--region", "SAFELIGHT_AWS_REGION")),
    ],
)
def test_missing_credentials_or_region(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, missing: tuple[str, ...], names: tuple[str, ...]
) -> None:
    """One line each, from every command."""
    for name in missing:
        monkeypatch.delenv(name)
    one_line(commands.train(), *names)
    for command in ("deploy", "status", "delete"):
        one_line(commands.run(command, str(commands.data)), *names)


def test_a_state_of_another_region_is_not_used(commands: Commands) -> None:
    """What was begun in one region is not there in another."""
    commands.train("--no-wait")
    one_line(commands.run("status", str(commands.data), "--region", "us-east-1"), "eu-west-1", "--region")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 1, "endpoint": null, "trainings": [{"name": "x"}]}'])
def test_a_broken_state_file(commands: Commands, content: str) -> None:
    """One line with its path, and it is left as it is."""
    path = beside(commands.data)
    path.write_text(content)
    one_line(commands.train(), str(path), "--state")
    assert path.read_text() == content


def test_the_state_file_holds_what_is_needed_and_no_text(commands: Commands, tmp_path: Path) -> None:
    """It may lie elsewhere; no half-written file is left beside it."""
    path = tmp_path / "elsewhere.json"
    commands.train("--state", str(path))
    about = json.loads(path.read_text())
    assert about["trainings"][0]["arn"] == commands.classifiers[0]
    assert PRIVATE not in path.read_text()
    assert sorted(found.name for found in tmp_path.iterdir()) == ["data.csv", "elsewhere.json"]
    assert commands.run("status", "--state", str(path)).status == 0


def test_wrong_data_is_not_uploaded(commands: Commands) -> None:
    """Everything that is wrong is said, with its lines, and nothing has been asked of AWS."""
    commands.data.write_text(commands.data.read_text() + "rudeness,one\nhate,\n" + f"{PRIVATE},hate\n" * 2)
    ran = commands.train()
    assert ran.status == 2
    assert "line 181: no category is named 'rudeness'" in ran.err
    assert "line 182: has no text" in ran.err
    assert "lines 183-184: no category is named as its first column" in ran.err
    assert PRIVATE not in ran.err
    assert commands.aws.requests == []
    assert not beside(commands.data).exists()


CALM = ("a calm lake at dawn", "a bowl of ripe fruit on a table", "children building a castle of sand")
UNSAFE = ("i hate you and you are a stupid idiot", "kill them all with blood everywhere", "shut up you worthless moron")


@pytest.fixture
def judged(commands: Commands) -> Commands:
    """Data to judge a classifier by, of which some is unsafe."""
    lines = [f"safe,{text} {i}\n" for i in range(20) for text in CALM]
    lines += [
        f"{label},{text} {i}\n" for i in range(5) for label, text in zip(("hate", "violence"), UNSAFE, strict=False)
    ]
    commands.data.write_text("".join(lines))
    return commands


def evaluate(commands: Commands, endpoint: str, *options: str) -> Ran:
    arguments = ("--provider", "comprehend", "--endpoint", endpoint, *options)
    return commands.run("evaluate", str(commands.data), *arguments)


def table(out: str, heading: str) -> list[str]:
    """The lines of the table that begins with a heading."""
    lines = out.splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith(heading))
    end = next((index for index in range(start, len(lines)) if not lines[index]), len(lines))
    return lines[start:end]


def test_evaluate_gives_the_same_tables_for_either(judged: Commands) -> None:
    """Local and remote, of the same data: the same headings, columns and counts, so that they can be compared."""
    local = judged.run("evaluate", str(judged.data))
    remote = evaluate(judged, judged.aws.classifier())
    assert (local.status, remote.status) == (0, 0), remote.err
    for heading in ("category", "source / slice"):
        here, there = table(local.out, heading), table(remote.out, heading)
        assert here[0] == there[0]
        assert len({len(line) for line in here + there}) == 1
        # The last row of each is of all texts: their number does not hang on who judged.
        assert here[-1].split()[:2] == there[-1].split()[:2]
    assert "does not tell hate, violence" in remote.out
    assert len(judged.aws.requests_of("ClassifyDocument")) == 70
    assert not any(text in remote.out + remote.err for text in (*CALM, *UNSAFE))


def test_evaluate_knows_the_labels_that_train_makes(judged: Commands) -> None:
    """A classifier of categories has a row for each; --labels says what others are called."""
    named = {"hate": ("hate",), "violence": ("violence",), "safe": None}
    by_category = judged.aws.classifier("categories", Classifier("MULTI_LABEL", named))
    first = table(evaluate(judged, by_category).out, "category")
    assert [line.split()[0] for line in first[1:]] == ["hate", "violence", "toxicity"]
    renamed = {"H": ("hate",), "V": ("violence",), "S": None}
    other = judged.aws.classifier("renamed", Classifier("MULTI_LABEL", renamed))
    one_line(evaluate(judged, other), "--labels", "'H', 'S', 'V'")
    ran = evaluate(judged, other, "--labels", '{"H": "hate", "V": "violence", "S": null}')
    assert table(ran.out, "category") == first


def test_evaluate_says_what_it_costs_first(judged: Commands) -> None:
    """Before any text is sent: how long the endpoint is busy, at the price of its inference units; --limit samples."""
    arn = judged.aws.classifier("two", Classifier(inference_units=2))
    judged.aws.misbehave("ClassifyDocument", faults.Error("InternalServerException"))
    ran = evaluate(judged, arn, "--limit", "40", "--price-per-unit-second", "0.5")
    # 2 texts a second for each of 2 inference units: 10 seconds.
    assert "40 texts" in ran.out
    assert "0.2 minutes" in ran.out
    assert "$10.00" in ran.out
    one_line(ran, "ClassifyDocument")
    judged.aws.behave()
    ran = evaluate(judged, arn, "--limit", "40")
    assert "40 texts; flagged from 0.5" in ran.out
    assert evaluate(judged, arn, "--limit", "40").out == ran.out


def test_evaluate_waits_where_it_is_throttled(judged: Commands) -> None:
    """Ever longer, and gives up when it does not end."""
    arn = judged.aws.classifier()
    judged.aws.misbehave("ClassifyDocument", faults.Error("ThrottlingException"), times=3)
    assert evaluate(judged, arn, "--limit", "1", "--concurrency", "1").status == 0
    assert judged.waits == [1, 2, 4]
    judged.aws.misbehave("ClassifyDocument", faults.Error("ThrottlingException"))
    one_line(evaluate(judged, arn, "--limit", "1"), "throttled")


@pytest.mark.parametrize(
    ("labels", "reason"),
    [("{", "is not JSON"), ("[]", "must be an object"), ('{"a": "rudeness"}', "rudeness"), ('{"a": "safe"}', "null")],
)
def test_wrong_labels_are_named(judged: Commands, labels: str, reason: str) -> None:
    """--labels takes categories and null."""
    one_line(evaluate(judged, judged.aws.classifier(), "--labels", labels), "--labels", reason)


def test_an_endpoint_that_is_not_there(judged: Commands) -> None:
    """One line that names the option."""
    arn = judged.aws.classifier()
    one_line(evaluate(judged, f"{arn}-not"), "--endpoint")


def test_a_text_that_is_too_long_is_judged_by_its_beginning(judged: Commands) -> None:
    """An endpoint takes 10 KB; the rest is left out, and that is said."""
    judged.data.write_text(f"safe,{'ä ' * 5000}\nhate,{UNSAFE[0]}\n")
    ran = evaluate(judged, judged.aws.classifier())
    assert "1 texts are longer than 10 KB" in ran.out
    sizes = [len(request.params["Text"].encode()) for request in judged.aws.requests_of("ClassifyDocument")]
    # A character of two bytes would have ended at 10,001.
    assert max(sizes) == 9_999
