"""Command line of `scripts/train_heads`: options in, progress bars and a table of epochs out."""

from __future__ import annotations

import math
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated

# Before the imports, which take seconds: there, Ctrl-C shall leave no traceback.
signal.signal(signal.SIGINT, signal.SIG_DFL)

import typer  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.progress import (  # noqa: E402
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table  # noqa: E402
from rich.text import Text  # noqa: E402

from app.clipad.choices import METHODS, RvsMethod, Taps  # noqa: E402
from app.errors import ClipAdError  # noqa: E402
from app.offline.choices import Precision  # noqa: E402
from app.offline.command_line import run as run_command  # noqa: E402
from app.offline.datasets import LAYOUTS, Spelling, open_dataset  # noqa: E402
from app.offline.training.history import EpochRow  # noqa: E402
from app.offline.training.interrupt import stop_on_signals  # noqa: E402
from app.offline.training.recipe import Order, Recipe  # noqa: E402
from app.offline.training.reporting import FEATURES, Advance  # noqa: E402

if TYPE_CHECKING:
    from app.offline.training.job import Job
    from app.offline.training.run import Outcome

console = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


class ImagesPerSecond(ProgressColumn):
    """Images done per second, of late."""

    def render(self, task: Task) -> Text:
        """The rate, or nothing before there is one."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f} images/s")


class Terminal:
    """Tells a run on a terminal: lines, bars, and at the end a table."""

    def say(self, text: str) -> None:
        """One line."""
        console.print(text, markup=False)

    @contextmanager
    def phase(self, name: str, total: int, done: int = 0) -> Iterator[Advance]:
        """A bar with images/s and time left."""
        columns = (
            TextColumn("{task.description:>16}"),
            BarColumn(),
            MofNCompleteColumn(),
            ImagesPerSecond(),
            TimeRemainingColumn(),
        )
        shown = console.is_terminal
        begun = monotonic()
        with Progress(*columns, console=console, transient=True, disable=not shown) as progress:
            task = progress.add_task(name, total=total, completed=done)
            yield lambda images: progress.advance(task, images)
            finished = int(progress.tasks[task].completed) - done
        if name == FEATURES:
            rate = finished / (monotonic() - begun)
            self.say(f"features of {finished} images, {rate:.1f} images/s")

    def epoch(self, row: EpochRow, best: bool) -> None:
        """One line per epoch."""
        figures = [f"epoch {row.epoch}: loss {row.loss:.4f}"]
        if row.validation_loss is not None:
            figures.append(
                f"validation: loss {row.validation_loss:.4f}, pixel AUROC "
                f"{_shown(row.validation_pixel_auroc)}, PRO {_shown(row.validation_pro)}"
            )
        best = best and row.validation_loss is not None  # else simply the latest
        figures.append(f"{row.images_per_s:.1f} images/s{', best so far' if best else ''}")
        self.say("; ".join(figures))


def main(
    layout: Annotated[str, typer.Argument(help=f"one of {', '.join(LAYOUTS)}")],
    root: Annotated[Path, typer.Argument(help="the data set's folder, with masks")],
    object: Annotated[
        list[str] | None, typer.Option(help="train on these objects alone; may be repeated")
    ] = None,
    object_name: Annotated[
        str | None, typer.Option(help="what the one object of a `folder` is called")
    ] = None,
    backbone: Annotated[
        str | None, typer.Option(help="open_clip model or config .json; default: as served")
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="weights file or pretrained tag; default: as served")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="heads file; default RUN/heads.safetensors")
    ] = None,
    run: Annotated[
        Path | None, typer.Option(help="run folder; default runs/heads/BACKBONE-LAYOUT")
    ] = None,
    features: Annotated[
        Path | None, typer.Option(help="features to share between runs; default RUN/features")
    ] = None,
    layers: Annotated[int, typer.Option(help="1, 3 or 5 layers per head")] = 1,
    relu: Annotated[bool, typer.Option(help="ReLU between them")] = False,
    rate: Annotated[float, typer.Option(help="Adam's learning rate")] = 1e-4,
    epochs: Annotated[int, typer.Option(help="epochs at most; may be raised later")] = 5,
    batch: Annotated[int, typer.Option(help="images per step")] = 8,
    order: Annotated[Order, typer.Option(help="of the images in an epoch")] = Order.FILE,
    seed: Annotated[int, typer.Option(help="of the heads' start, the order and the split")] = 42,
    patience: Annotated[int, typer.Option(help="stop after so many epochs without a better")] = 3,
    validation_share: Annotated[
        float, typer.Option(help="share of the objects that validate; 0 for none")
    ] = 0.2,
    validation_object: Annotated[
        list[str] | None, typer.Option(help="these objects validate; may be repeated")
    ] = None,
    stages: Annotated[
        list[int] | None, typer.Option(help="a stage to read (1-4); may be repeated; default all")
    ] = None,
    taps: Annotated[Taps, typer.Option(help="where stage outputs are taken")] = Taps.EQUATION,
    rvs: Annotated[RvsMethod, typer.Option(help="how text vectors are chosen")] = RvsMethod.DBSCAN,
    dbscan_eps: Annotated[float, typer.Option(help="DBSCAN's radius")] = 0.5,
    dbscan_min_samples: Annotated[int, typer.Option(help="DBSCAN's least neighbours")] = 15,
    spelling: Annotated[
        Spelling, typer.Option(help="of names in prompts: metal nut or metal_nut")
    ] = Spelling.WORDS,
    precision: Annotated[Precision, typer.Option(help="of features on disk")] = Precision.FLOAT16,
    store_limit_gib: Annotated[float, typer.Option(help="most disk space for features")] = 64.0,
    save_every: Annotated[float, typer.Option(help="seconds between checkpoints")] = 30.0,
    recommend: Annotated[
        str, typer.Option(help=f"a server's method with these heads: {' or '.join(METHODS)}")
    ] = METHODS[0],
    fresh: Annotated[bool, typer.Option(help="start over in a folder of another run")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda[:N]")] = "auto",
    threads: Annotated[int, typer.Option(help="torch threads; 0: torch's own choice", min=0)] = 0,
) -> None:
    """Train linear heads for SDP+ on a data set with masks; run it again to continue.

    The backbone runs once per image; its features are kept on disk, and all epochs train from
    them. The heads of the best epoch by validation are written to OUT.
    """
    import torch

    from app.clipad.backbone import load_backbone
    from app.clipad.build import resolve_device
    from app.clipad.rvs import Rvs
    from app.offline.training.job import Job
    from app.offline.training.run import train
    from app.settings import PROJECT, settings_with

    if threads:
        torch.set_num_threads(threads)
    try:
        recipe = Recipe(
            depth=layers,
            relu=relu,
            rate=rate,
            epochs=epochs,
            batch=batch,
            order=order,
            seed=seed,
            patience=patience,
            validation_share=validation_share,
            validation_objects=tuple(validation_object or ()),
        )
        dataset = open_dataset(layout, root, object, object_name=object_name)
        # What is called float32 is float32: by default cuDNN would round to TF32.
        torch.backends.cudnn.allow_tf32 = False
        settings = settings_with({"backbone": backbone, "weights": weights})
        model_dir = settings.model_dir
        loaded = load_backbone(
            settings.backbone,
            settings.weights,
            device=resolve_device(device),
            cache_dir=model_dir,
        )
        folder = run or PROJECT / "runs" / "heads" / f"{loaded.name}-{layout}"
        job = Job(
            backbone=loaded,
            dataset=dataset,
            folder=folder,
            out=out or folder / "heads.safetensors",
            recipe=recipe,
            taps=taps,
            stages=stages,
            rvs=Rvs(rvs, dbscan_eps, dbscan_min_samples),
            spelling=spelling,
            precision=precision,
            features=features,
            store_limit_gib=store_limit_gib or math.inf,
            text_directory=model_dir / "text_features",
            fresh=fresh,
            save_every_s=save_every,
            recommended=recommend,
        )
        with stop_on_signals() as stop:
            outcome = train(job, Terminal(), stop)
    except (ClipAdError, OSError) as error:
        errors.print(f"error: {error}", style="red", markup=False)
        sys.exit(1)
    _tell(outcome, job)
    if stop.signal is not None and not outcome.finished:
        sys.exit(128 + stop.signal)


def _tell(outcome: Outcome, job: Job) -> None:
    if outcome.rows:
        console.print(_table(outcome))
    if not outcome.finished:
        console.print(f"stopped: the same command again continues {job.folder}", markup=False)
    if outcome.heads is None:
        return
    best = f"of epoch {outcome.best.epoch}" if outcome.best else "as they are, not validated"
    console.print(f"heads {best}: {outcome.heads}", markup=False)
    if outcome.finished:
        console.print(f"serve them: CLIPAD_HEADS={outcome.heads} ./scripts/serve", markup=False)


def _table(outcome: Outcome) -> Table:
    names = ("epoch", "loss", "validation loss", "pixel AUROC", "PRO", "images/s", "")
    table = Table(*names)
    for column in table.columns[1:-1]:
        column.justify = "right"
    for row in outcome.rows:
        table.add_row(
            str(row.epoch),
            f"{row.loss:.4f}",
            _shown(row.validation_loss),
            _shown(row.validation_pixel_auroc),
            _shown(row.validation_pro),
            f"{row.images_per_s:.1f}",
            "kept" if row is outcome.best else "",
        )
    return table


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


if __name__ == "__main__":
    run_command(main)
