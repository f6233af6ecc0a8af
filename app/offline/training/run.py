"""From a data set to a heads file: check, texts, features, epochs, result.

A run may be killed at any moment and started again with the same job: it goes on from its last
checkpoint and ends with the same heads. Knows nothing of command lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock, Timeout
from torch import Tensor

from app.clipad.dual_path import DualPath, dual_path
from app.clipad.encoder import TextEncoder
from app.clipad.prompts import prompt_ensemble
from app.clipad.text import TextBank
from app.errors import ConfigurationError
from app.offline.datasets import check_dataset
from app.offline.training import checkpoint
from app.offline.training.features import feature_shapes, fill
from app.offline.training.history import EpochRow, best_row, ended
from app.offline.training.interrupt import Stop, Stopped
from app.offline.training.job import Job
from app.offline.training.records import Records
from app.offline.training.reporting import Reporter
from app.offline.training.result import write_heads
from app.offline.training.session import CHECKPOINT, Session
from app.offline.training.split import Split, split
from app.offline.training.store import FeatureStore
from app.offline.training.trainer import HeadsTrainer, new_heads

_FEATURES = "features"
_LOCK = "lock"


@dataclass(frozen=True)
class Outcome:
    """What a run ended with. heads: the file, None if it was stopped before there were any."""

    rows: Sequence[EpochRow]
    best: EpochRow | None
    heads: Path | None
    finished: bool


def train(job: Job, reporter: Reporter, stop: Stop) -> Outcome:
    """Run or continue a job until it ends or is asked to stop; see the module.

    Raises ConfigurationError for data, options or a folder that cannot be used, before any work
    that takes long.
    """
    job.folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(job.folder / _LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise ConfigurationError(f"run {job.folder}: another process is at work in it") from error
    try:
        return _train(job, reporter, stop)
    except Stopped:
        return Outcome((), None, None, finished=False)
    finally:
        lock.release()


def _train(job: Job, reporter: Reporter, stop: Stop) -> Outcome:
    if not job.dataset.has_masks:
        raise ConfigurationError(
            f"data set {job.dataset.root}: anomalous images without masks; heads are trained on "
            "masks"
        )
    path = dual_path(job.backbone.model.visual, job.taps, job.stages)
    parts = split(job.dataset.samples, job.recipe)
    facts = job.run_facts(path.stages)
    if job.fresh:
        (job.folder / CHECKPOINT).unlink(missing_ok=True)
    state = checkpoint.load(job.folder / CHECKPOINT, facts)
    if state is not None and len(state.rows) > job.recipe.epochs:
        raise ConfigurationError(
            f"epochs {job.recipe.epochs}: {len(state.rows)} are done in {job.folder}; expected at "
            "least as many"
        )
    reporter.say(parts.label)
    if state is not None and ended(state.rows, job.recipe):
        reporter.say("training has ended before: nothing left to do")
        # A kill may have come between the last checkpoint and what is written after it.
        steps = job.recipe.steps(len(parts.training))
        Records(job.folder, steps, state.losses, state.rows).close()
    else:
        state = _trained(job, path, parts, state, reporter, stop)
    if not state.losses:
        return Outcome((), None, None, finished=False)
    finished = ended(state.rows, job.recipe)
    write_heads(job, path, parts, state, finished)
    best = best_row(state.rows) if state.rows else None
    return Outcome(state.rows, best, job.out, finished)


def _trained(
    job: Job,
    path: DualPath,
    parts: Split,
    state: checkpoint.RunState | None,
    reporter: Reporter,
    stop: Stop,
) -> checkpoint.RunState:
    """The state after all epochs, or as far as the run came; raises Stopped without a step."""
    features = _open_store(job, path)
    if not features.begun:  # else they were all looked at before
        _check(job, reporter, stop)
    texts = _texts(job)
    if not features.complete:
        reporter.say(f"features: {features.bytes / 2**30:.2f} GiB in {features.folder}")
        fill(features, path, job.backbone, job.dataset.samples, reporter, stop)
    stop.check()
    trainer = HeadsTrainer(
        new_heads(path.widths, job.backbone.embed_dim, job.recipe),
        features,
        texts,
        _object_numbers(job),
        job.backbone.side,
        job.recipe,
        job.backbone.device,
    )
    with Session(job, trainer, parts, job.run_facts(path.stages), state, reporter, stop) as session:
        session.run()
        return session.state


def _open_store(job: Job, path: DualPath) -> FeatureStore:
    return FeatureStore(
        job.features or job.folder / _FEATURES,
        job.feature_facts(path.stages),
        feature_shapes(path, job.backbone),
        job.backbone.side,
        len(job.dataset.samples),
        job.precision,
        job.store_limit_gib,
        fresh=job.fresh and job.features is None,  # others may still use shared ones
    )


def _check(job: Job, reporter: Reporter, stop: Stop) -> None:
    """Read every file of the data set, so that a broken one shows now and not in an hour."""
    count = len(job.dataset.samples)
    seen = 0
    with reporter.phase("checking files", count) as advance:

        def progress(done: int, _: int) -> None:
            nonlocal seen
            advance(done - seen)
            seen = done
            stop.check()

        check_dataset(job.dataset, progress)


def _texts(job: Job) -> Tensor:
    """Text features [O,D,2] of the data set's objects, in order."""
    bank = TextBank(
        TextEncoder(job.backbone),
        job.backbone.digest,
        job.rvs,
        job.backbone.embed_dim,
        job.text_directory,
    )
    names = (job.spelling.of(name) for name in job.dataset.objects)
    return torch.stack([bank.get(prompt_ensemble(name, job.dataset.domain)) for name in names])


def _object_numbers(job: Job) -> np.ndarray:
    numbers = {name: number for number, name in enumerate(job.dataset.objects)}
    return np.array([numbers[sample.object] for sample in job.dataset.samples])
