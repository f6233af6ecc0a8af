"""Command line of `scripts/train_demo_backbone`: train the demo, ship it, measure it."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

_ROOT = Path(__file__).resolve().parents[3]


def main(
    steps: Annotated[int, typer.Option(help="Updates in all; the schedule follows them.")] = 3000,
    seed: Annotated[int, typer.Option(help="Seed of the start and of every batch.")] = 42,
    pairs: Annotated[int, typer.Option(help="Training pairs generated ahead, 0.35 MB each.")] = (
        12600
    ),
    processes: Annotated[int, typer.Option(help="One-thread processes that share each step.")] = 2,
    cool_down: Annotated[int, typer.Option(help="Last steps, in which the rate falls.")] = 700,
    dense: Annotated[
        bool, typer.Option(help="Losses on patches, from the masks; without: the class token's.")
    ] = True,
    runs: Annotated[Path, typer.Option(help="Data and checkpoint; resumed if it has one.")] = (
        _ROOT / "runs" / "demo"
    ),
    out: Annotated[Path, typer.Option(help="Where the result is shipped to.")] = (
        _ROOT / "model_weights" / "demo"
    ),
    check_every: Annotated[int, typer.Option(help="Validate every N steps; 0 never.")] = 500,
    export_only: Annotated[bool, typer.Option(help="Ship the checkpoint as it is.")] = False,
    evaluate_only: Annotated[bool, typer.Option(help="Measure what is shipped.")] = False,
    evaluate: Annotated[bool, typer.Option(help="Measure the result on the benchmark.")] = True,
) -> None:
    """Train the demo backbone from zero (or resume), write it to OUT and measure it there.

    About an hour on two free cores. The run may be killed and started again: it continues from its
    last checkpoint, and the result is that of an undisturbed run.
    """
    from app.offline.demo.losses import CLASS_TOKEN_ALONE, LossWeights
    from app.offline.demo.recipe import Recipe
    from app.offline.demo.report import measure, table, write
    from app.offline.demo.run import log, ship, train

    weights = LossWeights() if dense else CLASS_TOKEN_ALONE
    recipe = Recipe(steps=steps, seed=seed, pairs=pairs, cool_down=cool_down, weights=weights)
    if not evaluate_only:
        runs.mkdir(parents=True, exist_ok=True)
        if not export_only:
            log(f"recipe {json.dumps({k: v for k, v in asdict(recipe).items() if k != 'config'})}")
            train(processes, recipe, runs, check_every)
        ship(recipe, processes, runs, out)
    if evaluate or evaluate_only:
        log("measuring the benchmark")
        figures = measure(out)
        write(figures, out)
        print(table(figures))
