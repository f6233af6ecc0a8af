"""A run of the demo's training: its processes, and what is shipped in the end."""

from __future__ import annotations

import os
import signal
import time
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing
from rich.console import Console

from app.clipad.checkpoint import file_sha256, read_notes
from app.offline.demo.data import KIND_NAMES, PairStore
from app.offline.demo.evaluation import score_pairs, summary
from app.offline.demo.model import export
from app.offline.demo.recipe import Recipe
from app.offline.demo.report import demo_detector
from app.offline.demo.samples import write_samples
from app.offline.demo.training import Trainer, run
from app.offline.synthetic import Split, generate_pair

_CHECKPOINT = "checkpoint.pt"
_MEETING = "meeting"
_VALIDATION_SEED = 1_000_000
console = Console(highlight=False, soft_wrap=True)


def log(text: str) -> None:
    """A line for whoever watches, with the time."""
    console.print(f"{time.strftime('%H:%M:%S')} {text}")


def _validate(trainer: Trainer, directory: Path) -> str:
    """Export the averaged weights to `directory` and measure them on validation pairs."""
    export(trainer.averaged_state(), trainer.recipe.config, directory)
    detector = demo_detector(directory, directory)
    pairs = (
        generate_pair(kind, _VALIDATION_SEED + index, Split.VALIDATION)
        for kind in KIND_NAMES
        for index in range(3)
    )
    found = summary(score_pairs(detector, pairs))
    return (
        f"validation: image AUROC {found['image_auroc']:.3f}, pixel AUROC "
        f"{found['pixel_auroc']:.3f}, above its twin {found['win_rate']:.3f}, darkness alone "
        f"{found['darkness_image_auroc']:.3f}"
    )


def train_process(rank: int, ranks: int, recipe: Recipe, runs: Path, check_every: int) -> None:
    """One of `ranks` processes of a run: generate its pairs, then train or resume under `runs`."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    store = PairStore(runs, recipe.pairs)

    def progress(done: int, total: int) -> None:
        if rank == 0 and (done % 500 == 0 or done == total):
            log(f"generating pairs: {min(done * ranks, store.count)}/{store.count}")

    store.fill(rank, ranks, progress)
    if ranks > 1:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
        meeting = (runs / _MEETING).resolve().as_uri()
        # A benchmark may pause all processes for long; that is no failure.
        dist.init_process_group(
            "gloo", meeting, rank=rank, world_size=ranks, timeout=timedelta(hours=12)
        )
        dist.barrier()
    trainer = Trainer(recipe, store, rank, ranks)
    check = (lambda t: _validate(t, runs / "validation")) if check_every else None
    run(trainer, runs / _CHECKPOINT, log, check=check, check_every=check_every or recipe.steps)
    if ranks > 1:
        dist.barrier()
        dist.destroy_process_group()


def train(processes: int, recipe: Recipe, runs: Path, check_every: int) -> None:
    """Train or resume under `runs` with so many processes; returns when all have ended."""
    # Where the last run's processes met: its addresses are nobody's any more.
    (runs / _MEETING).unlink(missing_ok=True)
    torch.multiprocessing.start_processes(  # type: ignore[no-untyped-call, attr-defined]
        train_process, (processes, recipe, runs, check_every), nprocs=processes
    )


def ship(recipe: Recipe, processes: int, runs: Path, out: Path) -> None:
    """Write the averaged weights of the run under `runs`, and the samples, to `out`."""
    trainer = Trainer(recipe, PairStore(runs, recipe.pairs), ranks=processes)
    trainer.load(runs / _CHECKPOINT)
    path = export(trainer.averaged_state(), recipe.config, out)
    write_samples(out / "samples")
    log(f"step {trainer.done}/{recipe.steps}: {path}, {path.stat().st_size / 1e6:.1f} MB")
    heads = out / "heads.safetensors"
    if heads.is_file() and read_notes(heads, what="heads").get("weights_sha256") != file_sha256(
        path
    ):
        log(f"{heads} was made for other weights and will be refused: train heads anew")
