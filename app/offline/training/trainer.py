"""Adam on linear heads, from stored features: a step, a validation, and the state between steps.

Float32 throughout. Knows nothing of files beside the store's, of epochs' bookkeeping or signals.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from app.clipad import maps
from app.clipad.heads import LinearHeads
from app.errors import ConfigurationError
from app.offline.losses import segmentation_loss
from app.offline.training.checkpoint import RunState
from app.offline.training.recipe import Recipe, Rows
from app.offline.training.reporting import Advance
from app.offline.training.store import FeatureStore
from app.offline.training.validation import ObjectMeter, ValidationFigures, mean_figures


def new_heads(widths: Sequence[int], embed_dim: int, recipe: Recipe) -> LinearHeads:
    """Untrained heads, drawn from the recipe's seed; no generator outside is moved by it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        return LinearHeads(widths, embed_dim, recipe.depth, recipe.relu)


class HeadsTrainer:
    """Trains heads on a complete store.

    texts [O,D,2]: of the objects; objects [N]: which of them each row shows. device: where the
    arithmetic is done.
    """

    def __init__(
        self,
        heads: LinearHeads,
        store: FeatureStore,
        texts: Tensor,
        objects: Rows,
        side: int,
        recipe: Recipe,
        device: torch.device,
    ) -> None:
        self.heads = heads.to(device)
        self._store, self._side, self._device = store, side, device
        self._batch = recipe.batch
        self._texts, self._objects = texts.to(device), torch.from_numpy(objects).to(device)
        self._optimizer = torch.optim.Adam(self.heads.parameters(), lr=recipe.rate)

    def step(self, rows: Rows) -> float:
        """One update on these rows; returns their mean loss before it.

        Raises ConfigurationError for a loss that is not finite: nothing after it would be.
        """
        loss, _, _ = self._loss(rows)
        value = _finite(loss.item())
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self._optimizer.step()
        return value

    @torch.no_grad()
    def validate(self, objects: Mapping[str, Rows], advance: Advance) -> ValidationFigures:
        """Figures of the heads as they are, over the rows of each object.

        Raises ConfigurationError for a loss that is not finite.
        """
        figures = []
        for rows in objects.values():
            meter = ObjectMeter()
            for start in range(0, len(rows), self._batch):
                part = rows[start : start + self._batch]
                loss, planes, masks = self._loss(part)
                meter.add(_finite(loss.item()), planes.sum(0).cpu().numpy(), masks.cpu().numpy())
                advance(len(part))
            figures.append(meter.figures())
        return mean_figures(figures)

    def _loss(self, rows: Rows) -> tuple[Tensor, Tensor, Tensor]:
        """Mean loss, planes [K,B,S,S] and masks [B,S,S] of these rows."""
        features, masks = self._store.read(rows)
        masks = masks.to(self._device)
        projected = self.heads([stage.to(self._device) for stage in features])
        texts = self._texts[self._objects[torch.from_numpy(rows).to(self._device)]]
        planes = maps.head_planes(projected, texts, self._side)
        return segmentation_loss(planes, masks), planes, masks

    def state(self) -> RunState:
        """A new run's state, or that of heads and optimizer for one under way; shares tensors."""
        return RunState(self.heads.state_dict(), self._optimizer.state_dict())

    def load(self, state: RunState) -> None:
        """Take over heads and optimizer of a saved state."""
        self.heads.load_state_dict(state.heads)
        self._optimizer.load_state_dict(state.optimizer)

    def heads_state(self) -> dict[str, Tensor]:
        """A copy of the heads' state dict on the CPU."""
        return {key: value.detach().cpu().clone() for key, value in self.heads.state_dict().items()}


def _finite(loss: float) -> float:
    if not math.isfinite(loss):
        raise ConfigurationError(f"loss is {loss}: expected a number; try a lower --rate")
    return loss
