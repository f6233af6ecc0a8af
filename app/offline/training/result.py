"""The result of a run: its best heads in a file that says how they came about."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from app.clipad.dual_path import DualPath
from app.clipad.heads_file import HeadsNotes, save_heads
from app.offline.training.checkpoint import RunState
from app.offline.training.history import best_row
from app.offline.training.job import Job
from app.offline.training.split import Split
from app.offline.training.trainer import new_heads


def write_heads(job: Job, path: DualPath, parts: Split, state: RunState, finished: bool) -> None:
    """Write the heads of the best epoch, or as they are if none has ended yet."""
    heads = new_heads(path.widths, job.backbone.embed_dim, job.recipe)
    heads.load_state_dict(state.best or state.heads)
    notes = HeadsNotes(
        backbone=job.backbone.name,
        weights_sha256=job.backbone.weights_sha256,
        stages=path.stages,
        stage_ends=path.stage_ends,
        taps=job.taps,
        depth=job.recipe.depth,
        relu=job.recipe.relu,
        recommended=job.recommended,
        created=datetime.now(UTC).date().isoformat(),
        training=_training(job, parts),
        figures=_figures(state, finished),
    )
    save_heads(job.out, heads, notes)


def _training(job: Job, parts: Split) -> dict[str, Any]:
    dataset = job.dataset
    return {
        "layout": dataset.layout,
        "objects": list(dataset.objects),
        "domain": str(dataset.domain),
        "digest": dataset.digest,
        "images": len(dataset.samples),
        "training_images": len(parts.training),
        "validation_objects": list(parts.validation),
        "validation_by_image": parts.by_image,
        "rvs": job.rvs.label,
        "spelling": str(job.spelling),
        "precision": str(job.precision),
        "recipe": asdict(job.recipe),
    }


def _figures(state: RunState, finished: bool) -> dict[str, Any]:
    """Of the epoch whose heads these are; `epoch` 0: stopped before the first had ended."""
    common = {"epochs_done": len(state.rows), "steps": len(state.losses), "finished": finished}
    if not state.rows:
        return {"epoch": 0, **common}
    row = asdict(best_row(state.rows))
    return {**{key: row[key] for key in row if key not in ("seconds", "images_per_s")}, **common}
