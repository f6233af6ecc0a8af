"""The state of a run between two steps, as one file that is whole or not there.

No random state is in it: order and start follow from the seed. Knows nothing of what the facts
mean, only that a run continues under the same ones.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from app.errors import ConfigurationError
from app.offline.files import write_whole
from app.offline.training.history import EpochRow
from app.offline.training.recipe import differences


@dataclass
class RunState:
    """Where a run stands.

    heads, optimizer: state dicts as of now. step: batches done in the epoch after the last of
    `rows`. losses: of every step since the start. seconds: spent in the epoch under way. best:
    state dict of the heads of the best epoch; empty before the first has ended.
    """

    heads: dict[str, Tensor]
    optimizer: dict[str, Any]
    step: int = 0
    losses: list[float] = field(default_factory=list)
    seconds: float = 0.0
    rows: list[EpochRow] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)


def save(path: Path, state: RunState, facts: Mapping[str, Any]) -> None:
    """Write the state with the facts (plain JSON values) it holds under."""
    content = {
        "facts": json.dumps(facts),
        "heads": state.heads,
        "optimizer": state.optimizer,
        "step": state.step,
        "losses": torch.tensor(state.losses, dtype=torch.float64),
        "seconds": state.seconds,
        "rows": [asdict(row) for row in state.rows],
        "best": state.best,
    }
    write_whole(path, lambda file: torch.save(content, file))


def load(path: Path, facts: Mapping[str, Any]) -> RunState | None:
    """The saved state, or None if there is none.

    Raises ConfigurationError for one of other facts, naming what differs, or an unreadable file.
    """
    if not path.exists():
        return None
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        state = RunState(
            heads=content["heads"],
            optimizer=content["optimizer"],
            step=int(content["step"]),
            losses=content["losses"].tolist(),
            seconds=float(content["seconds"]),
            rows=[EpochRow(**row) for row in content["rows"]],
            best=content["best"],
        )
        before = json.loads(content["facts"])
    except (KeyError, TypeError, ValueError, RuntimeError, EOFError, pickle.PickleError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConfigurationError(
            f"checkpoint {path}: not readable ({reason}); --fresh starts over"
        ) from error
    changed = differences(before, json.loads(json.dumps(facts)))
    if changed:
        raise ConfigurationError(
            f"checkpoint {path} is of another run: {changed}; --fresh starts over, --run chooses "
            "another folder"
        )
    return state
