"""Command line of `scripts/evaluate`: options and the service's settings -> an evaluation's report.

What is not given as an option is as the service has it: CLIPAD_* variables, `.env`, the demo.
"""

import logging
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, NoReturn


def _leave(number: int, _: FrameType | None) -> NoReturn:
    signal.signal(number, signal.SIG_DFL)  # a second one ends whatever still waits
    print("\nstopped", file=sys.stderr)
    sys.exit(128 + number)


# Before the imports, which take seconds: neither there nor later does Ctrl-C leave a traceback.
signal.signal(signal.SIGINT, _leave)

import typer  # noqa: E402
from rich.console import Console  # noqa: E402

from app.clipad.choices import DTYPES, RUNTIMES, RvsMethod, Taps  # noqa: E402
from app.errors import ClipAdError  # noqa: E402
from app.offline.choices import METHODS  # noqa: E402
from app.offline.command_line import run as run_command  # noqa: E402
from app.offline.datasets import LAYOUTS, Spelling  # noqa: E402

if TYPE_CHECKING:
    from app.offline.evaluation.command import Model
    from app.settings import Settings

_MODEL, _TEXT, _RUN = "Model", "Text", "Run"


def main(
    layout: Annotated[str, typer.Argument(help=f"one of {', '.join(LAYOUTS)}")],
    root: Annotated[Path, typer.Argument(help="the data set's folder")],
    method: Annotated[
        list[str] | None,
        typer.Option(help=f"one of {', '.join(METHODS)}; may be repeated: same images"),
    ] = None,
    object: Annotated[
        list[str] | None, typer.Option(help="only this object; may be repeated")
    ] = None,
    object_name: Annotated[
        str | None, typer.Option(help="what the one object of a `folder` is called")
    ] = None,
    limit: Annotated[
        int, typer.Option(min=0, help="good and anomalous images per object at most; 0: all")
    ] = 0,
    out: Annotated[
        Path | None, typer.Option(help="folder of the report; default: runs/evaluation/...")
    ] = None,
    backbone: Annotated[
        str | None, typer.Option(help="open_clip name or config file", rich_help_panel=_MODEL)
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="its weights file or tag", rich_help_panel=_MODEL)
    ] = None,
    heads: Annotated[
        Path | None, typer.Option(help="linear heads of sdp_plus", rich_help_panel=_MODEL)
    ] = None,
    stages: Annotated[
        list[int] | None,
        typer.Option(
            help="a stage to read (1-4); may be repeated; default all", rich_help_panel=_MODEL
        ),
    ] = None,
    taps: Annotated[Taps | None, typer.Option(rich_help_panel=_MODEL)] = None,
    sigma: Annotated[
        float | None,
        typer.Option(min=0, help="of the map's filter, in pixels", rich_help_panel=_MODEL),
    ] = None,
    multi_crop: Annotated[
        bool,
        typer.Option(help="ten crops too (Sec. D), ten times the time", rich_help_panel=_MODEL),
    ] = False,
    model_dir: Annotated[Path | None, typer.Option(rich_help_panel=_MODEL)] = None,
    rvs: Annotated[RvsMethod | None, typer.Option(rich_help_panel=_TEXT)] = None,
    dbscan_eps: Annotated[float | None, typer.Option(min=0, rich_help_panel=_TEXT)] = None,
    dbscan_min_samples: Annotated[int | None, typer.Option(min=1, rich_help_panel=_TEXT)] = None,
    spelling: Annotated[
        Spelling,
        typer.Option(help="of names in prompts: metal nut or metal_nut", rich_help_panel=_TEXT),
    ] = Spelling.WORDS,
    device: Annotated[
        str | None, typer.Option(help="auto, cpu or cuda[:N]", rich_help_panel=_RUN)
    ] = None,
    runtime: Annotated[
        str | None, typer.Option(help=" or ".join(RUNTIMES), rich_help_panel=_RUN)
    ] = None,
    dtype: Annotated[
        str | None,
        typer.Option(help=f"one of {', '.join(DTYPES)}", rich_help_panel=_RUN),
    ] = None,
    batch: Annotated[int, typer.Option(min=1, rich_help_panel=_RUN)] = 8,
    cases: Annotated[
        int, typer.Option(min=0, help="gallery images per object", rich_help_panel=_RUN)
    ] = 4,
    check: Annotated[
        bool, typer.Option(help="decode every file before starting", rich_help_panel=_RUN)
    ] = True,
) -> None:
    """Measure methods on a data set's test images.

    Image and pixel AUROC, F1-max and AP, and PRO, per object and their mean. Image scores count
    twice: as served (raw) and by the paper's protocol, which scales both parts of a score over
    an object's whole test set.
    """
    from app.offline.evaluation.command import Request, run
    from app.offline.evaluation.engine import Options
    from app.settings import settings_with

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    given = {
        "backbone": backbone, "weights": weights, "heads": None if heads is None else str(heads),
        "taps": taps, "smoothing_sigma": sigma, "model_dir": model_dir, "rvs": rvs,
        "dbscan_eps": dbscan_eps, "dbscan_min_samples": dbscan_min_samples,
        "device": device, "runtime": runtime, "dtype": dtype,
    }  # fmt: skip
    options = Options(tuple(dict.fromkeys(method or ())), batch, multi_crop, spelling, cases)
    try:
        settings = settings_with(given)
        model = _model(settings, tuple(stages) if stages else None)
        folder = out or _new_folder(layout)
        run(
            Request(layout, root, object, object_name, limit, options, model, folder, check),
            output=Console(),
            bars=Console(stderr=True),
        )
    except (ClipAdError, OSError) as error:
        Console(stderr=True, soft_wrap=True).print(f"error: {error}", style="red", markup=False)
        sys.exit(1)


def _model(settings: "Settings", stages: tuple[int, ...] | None) -> "Model":
    from app.clipad.rvs import Rvs
    from app.offline.evaluation.command import Model
    from app.runtime import choose_runtime

    chosen = choose_runtime(settings)
    return Model(
        backbone=settings.backbone,
        weights=settings.weights,
        heads=settings.heads_in_use,
        device=chosen.device,
        dtype=chosen.dtype,
        runtime=chosen.runtime,
        rvs=Rvs(settings.rvs, settings.dbscan_eps, settings.dbscan_min_samples),
        taps=settings.taps,
        sigma=settings.smoothing_sigma,
        model_dir=settings.model_dir,
        demo=settings.demo,
        stages=stages,
    )


def _new_folder(layout: str) -> Path:
    from app.settings import PROJECT

    return PROJECT / "runs" / "evaluation" / f"{layout}-{time.strftime('%Y%m%d-%H%M%S')}"


run_command(main)
