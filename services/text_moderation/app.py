"""Wires text moderation: settings to detectors to servicer, and files that change to detectors made anew."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial

import grpc

from safelight.text_moderation.v1 import text_moderation_pb2, text_moderation_pb2_grpc
from services.common.aws import checks
from services.common.executor import BoundedExecutor
from services.common.health import Parts
from services.common.moderation import Detector, Moderation, Thresholds
from services.common.server import Service
from services.text_moderation import lexicon
from services.text_moderation.detectors.classifier import Classifier
from services.text_moderation.detectors.terms import Terms
from services.text_moderation.reload import Loaded, Reloading, Source, watch
from services.text_moderation.service import TextModerationServicer
from services.text_moderation.settings import STAGE, DetectorName, Settings
from services.text_moderation.shadow import Shadow

NAME = STAGE
FULL_NAME = text_moderation_pb2.DESCRIPTOR.services_by_name["TextModerationService"].full_name

Detectors = dict[DetectorName, Reloading[Detector[str]]]


def source(name: DetectorName, settings: Settings) -> Source[Detector[str]]:
    """The detector of that name: its files, and how it is made of them."""
    match name:
        case "terms":
            paths = (*filter(None, [settings.lexicon]), *settings.term_files, *settings.allow_files)
            return Source("lexicon", paths, partial(_load_terms, settings))
        case "classifier":
            return Source("model", tuple(filter(None, [settings.model])), partial(_load_classifier, settings))
        case "onnx":
            paths = tuple(filter(None, [settings.onnx_model, settings.onnx_tokenizer]))
            return Source("onnx", paths, partial(_load_onnx, settings))
        case "comprehend_classifier" | "comprehend_toxicity" | "bedrock_guardrail":
            return Source(name, (), partial(_load_aws, name, settings))


def _load_terms(settings: Settings) -> Loaded[Detector[str]]:
    terms = lexicon.load(settings.term_files, settings.allow_files, base=settings.lexicon or lexicon.SHIPPED)
    entries = len(terms.entries) + len(terms.compounds) + len(terms.rules)
    detector = Terms(terms, name_terms=True) if settings.name_terms else Terms(terms)
    return Loaded(detector, {"entries": entries, "allowed": len(terms.allowances)})


def _load_classifier(settings: Settings) -> Loaded[Detector[str]]:
    return Loaded(Classifier.load(settings.model) if settings.model else Classifier.load())


def _load_onnx(settings: Settings) -> Loaded[Detector[str]]:
    from services.text_moderation.detectors.onnx import Onnx  # ONNX Runtime is there only where this is asked for

    detector = Onnx.load(settings)
    return Loaded(detector, detector.about)


def _load_aws(name: DetectorName, settings: Settings) -> Loaded[Detector[str]]:
    # boto3 takes a while to load, and is asked for nowhere else.
    match name:
        case "comprehend_classifier":
            from services.text_moderation.detectors.comprehend_classifier import ComprehendClassifier

            return Loaded(ComprehendClassifier(settings))
        case "comprehend_toxicity":
            from services.text_moderation.detectors.comprehend_toxicity import ComprehendToxicity

            return Loaded(ComprehendToxicity(settings))
        case "bedrock_guardrail":
            from services.text_moderation.detectors.bedrock_guardrail import BedrockGuardrail

            return Loaded(BedrockGuardrail(settings))
        case _:
            raise ValueError(name)


def build(settings: Settings, *, detectors: Sequence[Detector[str]] | None = None) -> Service:
    """The service; `detectors` take the place of those that the settings name, and then no file is looked at."""
    executor = BoundedExecutor(NAME, workers=settings.workers, queue=settings.queue)
    thresholds = Thresholds.from_names(settings.default_threshold, settings.thresholds)
    parts = Parts()
    own = {} if detectors is not None else reloading(settings, parts)
    shadow, shadowed = (None, {}) if detectors is not None else _shadow(settings, own, thresholds, parts)
    # One at a time, and not by the workers that answer.
    loader = BoundedExecutor(f"{NAME}_loader", workers=1, queue=0)
    watches: list[asyncio.Task[None]] = []
    servicer = TextModerationServicer(
        lambda: _moderation(detectors if detectors is not None else [each.value for each in own.values()], thresholds),
        executor,
        max_characters=settings.max_characters,
        log_prompts=settings.log_prompts,
        shadow=shadow,
    )

    def register(server: grpc.aio.Server) -> None:
        text_moderation_pb2_grpc.add_TextModerationServiceServicer_to_server(servicer, server)

    async def load() -> None:
        every = [*own.values(), *shadowed.values()]
        for each in every:
            await each.load(loader)
        watched = [each for each in every if each.watched]
        if watched and settings.reload_interval_s:
            watches.append(asyncio.create_task(watch(watched, loader, settings.reload_interval_s)))

    async def watch_ready(report: Callable[[bool], Awaitable[None]]) -> None:
        used: list[object] = list(detectors) if detectors is not None else [each.value for each in own.values()]
        async with asyncio.TaskGroup() as tasks:
            if checked := [each for each in used if isinstance(each, checks.Checked)]:
                tasks.create_task(checks.watch(checked, settings.aws_check_interval_s, report))
            else:
                await report(True)
            # Those of the shadow have no say: what they cannot tell is missing from a comparison, and nowhere else.
            others: list[object] = [each.value for each in shadowed.values()]
            if beside := [each for each in others if isinstance(each, checks.Checked)]:
                tasks.create_task(checks.watch(beside, settings.aws_check_interval_s, _unheard))

    async def close() -> None:
        for task in watches:
            task.cancel()
        await asyncio.gather(*watches, return_exceptions=True)
        for each in (executor, loader, *([shadow] if shadow else ())):
            each.close()

    return Service(NAME, settings, [FULL_NAME], register, load=load, close=close, watch_ready=watch_ready, parts=parts)


async def _unheard(_: bool) -> None:
    """Where nobody asks whether all can be called."""


def reloading(settings: Settings, parts: Parts) -> Detectors:
    """The detectors that the settings name, not loaded yet. Each reports the health of its files."""
    return {
        name: Reloading(found := source(name, settings), parts.add(f"{FULL_NAME}/{found.part}"))
        for name in settings.detectors
    }


def _shadow(
    settings: Settings, own: Detectors, thresholds: Thresholds, parts: Parts
) -> tuple[Shadow | None, Detectors]:
    """The shadow that the settings ask for, and those of its detectors that are not the service's too."""
    theirs = settings.shadow
    if theirs is None:
        return None, {}
    report = parts.add(f"{FULL_NAME}/shadow")

    sources = {name: source(name, theirs) for name in theirs.detectors}
    differing = {
        name: each for name, each in sources.items() if name not in own or each.paths != source(name, settings).paths
    }
    wrong = {each.part for each in differing.values()}
    report(not wrong)

    def tell(part: str, ready: bool) -> None:
        (wrong.discard if ready else wrong.add)(part)
        report(not wrong)

    shadowed: Detectors = {
        name: Reloading(replace(each, part=f"shadow {each.part}"), partial(tell, each.part), keep=False)
        for name, each in differing.items()
    }
    by_category = Thresholds.from_names(0, settings.shadow_thresholds).by_category
    limits = Thresholds(thresholds.default, {**thresholds.by_category, **by_category})
    used = [shadowed.get(name) or own[name] for name in theirs.detectors]
    shadow = Shadow(
        lambda: _moderation([each.value for each in used], limits),
        by_category,
        queue_size=settings.shadow_queue,
        log_prompts=settings.log_prompts,
    )
    return shadow, shadowed


def _moderation(detectors: Sequence[Detector[str] | None], thresholds: Thresholds) -> Moderation[str] | None:
    """A moderation by these detectors as they are now; None where one of them is not loaded."""
    loaded = [each for each in detectors if each is not None]
    return Moderation(loaded, thresholds) if len(loaded) == len(detectors) else None
