"""Command line of `scripts/detect`: files in, a table and heatmaps out."""

import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING, Annotated, NoReturn


def _leave(number: int, _: FrameType | None) -> NoReturn:
    signal.signal(number, signal.SIG_DFL)  # a second one ends whatever still waits
    print("\nstopped; the same command goes on from here", file=sys.stderr)
    sys.exit(128 + number)


# Before the imports, which take seconds: neither there nor later does Ctrl-C leave a traceback.
for _number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(_number, _leave)

import asyncio  # noqa: E402
import logging  # noqa: E402
import shutil  # noqa: E402
from collections import Counter  # noqa: E402
from collections.abc import Iterator, Mapping  # noqa: E402
from contextlib import AbstractAsyncContextManager, closing, contextmanager  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import typer  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.progress import (  # noqa: E402
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from app.errors import ClipAdError, FieldError  # noqa: E402
from app.offline.command_line import run  # noqa: E402
from app.offline.detection.inputs import Input, find_inputs  # noqa: E402
from app.offline.detection.results import HEATMAPS  # noqa: E402
from app.offline.detection.table import Format, Table  # noqa: E402

if TYPE_CHECKING:
    import httpx

    from app.offline.detection.run import Question

ANOMALOUS = 3
_console = Console(stderr=True)


def main(
    input: Annotated[str, typer.Argument(help="a folder, a 'glob', a list (.txt) or a picture")],
    category: Annotated[str, typer.Option(help="what is on the pictures")],
    out: Annotated[Path, typer.Option(help="folder of the results; an earlier run goes on")],
    method: Annotated[
        str | None, typer.Option(help="sdp or sdp_plus; default: the service's")
    ] = None,
    format: Annotated[Format, typer.Option(help="of the table")] = Format.CSV,
    heatmap: Annotated[str, typer.Option(help="overlay, map or none")] = "overlay",
    size: Annotated[str, typer.Option(help="of the heatmaps: input or model")] = "input",
    workers: Annotated[int, typer.Option(help="files under way at once", min=1, max=64)] = 4,
    station: Annotated[str | None, typer.Option(help="noted in the inspection log")] = None,
    url: Annotated[
        str | None, typer.Option(help="a running service; default: one of its own")
    ] = None,
    key: Annotated[str | None, typer.Option(help="for --url", envvar="CLIPAD_KEY")] = None,
    fresh: Annotated[bool, typer.Option(help="forget what an earlier run left in OUT")] = False,
) -> None:
    """Exit code 0: nothing anomalous. 3: something is. 1: nothing is as far as could be told, but
    some files could not be judged, or it could not begin."""
    # Not before the options are read: help needs neither torch nor an extra.
    import httpx
    from detect_service import own_service, running_service

    from app.offline.detection.keeping import FAILED
    from app.offline.detection.run import REJECT, UNDECIDED, Question
    from app.settings import settings_with

    question = Question(category, method, heatmap, size, workers, station)
    try:
        inputs = find_inputs(input, out / HEATMAPS)
        with _alone_in(out):
            if fresh:
                shutil.rmtree(out / HEATMAPS, ignore_errors=True)
                for kind in Format:
                    (out / f"results.{kind}").unlink(missing_ok=True)
            service = running_service(url, key) if url else own_service(settings_with({}))
            table = Table(out / f"results.{format}", format)
            if table.taken_over:
                _console.print(
                    f"{table.path}: {table.taken_over} lines of a version that did not note size "
                    "and time of change of the files: asked again",
                    markup=False, highlight=False, soft_wrap=True,
                )  # fmt: skip
            with closing(table), _interruptible() as ending:
                counts = asyncio.run(_run(service, inputs, question, table, out))
    except KeyboardInterrupt as error:
        _console.print("stopped; the same command goes on from here")
        raise typer.Exit(128 + ending.number) from error
    except (ClipAdError, OSError, httpx.HTTPError, httpx.InvalidURL) as error:
        _console.print(f"error: {error}", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1) from error
    _console.print(f"{len(inputs)} files: {_said(counts)}; see {table.path}", highlight=False)
    if counts[UNDECIDED]:
        _console.print("Not calibrated, so nothing was decided: see docs/calibration.md.")
    raise typer.Exit(ANOMALOUS if counts[REJECT] else 1 if counts[FAILED] else 0)


class _Ending:
    """number: of the signal that ended the run."""

    number: int = signal.SIGINT


@contextmanager
def _interruptible() -> Iterator[_Ending]:
    """What is under way ends in order at the first signal; asyncio knows Ctrl-C alone."""
    ending = _Ending()

    def terminate(number: int, _: FrameType | None) -> None:
        ending.number = number
        signal.raise_signal(signal.SIGINT)

    before = [
        signal.signal(signal.SIGINT, signal.default_int_handler),
        signal.signal(signal.SIGTERM, terminate),
    ]
    try:
        yield ending
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGTERM, before[1])


@contextmanager
def _alone_in(out: Path) -> Iterator[None]:
    """Two runs in one folder would each write what the other has."""
    from filelock import FileLock, Timeout

    out.mkdir(parents=True, exist_ok=True)
    try:
        held = FileLock(out / ".lock").acquire(blocking=False)
    except Timeout as error:
        raise FieldError(
            f"--out {out}: another detect is at work there; expected a folder that no run is "
            "using, or wait for its end"
        ) from error
    with held:
        yield


async def _run(
    service: "AbstractAsyncContextManager[httpx.AsyncClient]",
    inputs: list[Input],
    question: "Question",
    table: Table,
    out: Path,
) -> Counter[str]:
    import httpx

    from app.offline.detection.keeping import FAILED
    from app.offline.detection.run import detect, left

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=_console) as progress:
        before = len(inputs) - len(left(inputs, table))
        shown = progress.add_task("pictures", total=len(inputs), completed=before)

        def told(row: Mapping[str, Any]) -> None:
            progress.advance(shown)
            if row["decision"] == FAILED:
                progress.console.print(f"{row['file']}: {row['problem']}", markup=False)

        if before == len(inputs):
            return await detect(httpx.AsyncClient(), inputs, question, table, out, told)
        async with service as http:
            return await detect(http, inputs, question, table, out, told)


def _said(counts: Counter[str]) -> str:
    return ", ".join(f"{number} {name}" for name, number in sorted(counts.items())) or "none"


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    run(main)
