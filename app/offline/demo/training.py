"""Trains the demo backbone: two one-thread processes that average their gradients.

The budget is a number of steps; learning rate and crop sizes follow from the step alone, and each
batch from (seed, rank, step), so a run that was killed and resumed equals an undisturbed one.
Checkpoints are whole files or none. Knows nothing of the command line or of the benchmark.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from app.errors import ConfigurationError
from app.offline.demo.data import KIND_NAMES, PairStore
from app.offline.demo.losses import Losses, losses
from app.offline.demo.model import DemoModel
from app.offline.demo.prompts import PromptSampler
from app.offline.demo.recipe import Recipe

Log = Callable[[str], None]


class Trainer:
    """One process's part of a run. With `ranks` 1 no process group is needed."""

    def __init__(self, recipe: Recipe, store: PairStore, rank: int = 0, ranks: int = 1) -> None:
        self.recipe, self.store, self.rank, self.ranks = recipe, store, rank, ranks
        self.sampler = PromptSampler(KIND_NAMES)
        self.model = DemoModel(recipe.config, self.sampler.used, recipe.seed)
        if recipe.whiten:
            rng = np.random.default_rng([recipe.seed, 1])
            self.model.whiten_patches(store.patches(rng, 6000))
        self._parameters = [p for p in self.model.parameters() if p.requires_grad]
        matrices = [p for p in self._parameters if p.ndim >= 2]
        others = [p for p in self._parameters if p.ndim < 2]
        self.optimizer = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": recipe.decay},
             {"params": others, "weight_decay": 0.0}],
            lr=recipe.rate, betas=(0.9, 0.98), eps=1e-6, foreach=True,
        )  # fmt: skip
        self.average = [p.detach().clone() for p in self._parameters]
        self.done = 0

    def step(self) -> tuple[Losses, int]:
        """One update; returns this rank's losses and how many patches it saw."""
        recipe = self.recipe
        # All ranks share the size, so that none waits for the other.
        size, pairs = recipe.size_at(self.done, np.random.default_rng([recipe.seed, 2, self.done]))
        rng = np.random.default_rng([recipe.seed, 3, self.done, self.rank])
        batch = self.store.batch(rng, recipe.kinds_per_batch, pairs, size)
        groups = batch.kinds[::pairs]
        names = [self.sampler.name(rng, KIND_NAMES[k], recipe.replaced_names) for k in groups]
        prompts = self.sampler.draw(rng, [ids for ids, _ in names], recipe.prompts)
        rows = self.model.encode_text(prompts.ids, prompts.ends)
        means = rows.reshape(len(groups), 2, recipe.prompts, -1).mean(2)
        text = torch.nn.functional.normalize(means, dim=-1).transpose(1, 2)
        text = text.repeat_interleave(pairs, 0).repeat(2, 1, 1)
        known = np.repeat([k if own else -1 for k, (_, own) in zip(groups, names, strict=True)],
                          pairs)  # fmt: skip
        tokens, direct = self.model(batch.crops, batch.corners)
        result = losses(tokens, direct, text, batch.cover, torch.from_numpy(known))
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(result.total(recipe.weights))
        self._update()
        return result, batch.crops.shape[0] * size * size

    def _update(self) -> None:
        for parameter in self._parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        grads = [p.grad for p in self._parameters if p.grad is not None]
        if self.ranks > 1:
            flat = torch.cat([grad.flatten() for grad in grads])
            dist.all_reduce(flat)
            flat /= self.ranks
            parts = torch.split(flat, [grad.numel() for grad in grads])
            for grad, part in zip(grads, parts, strict=True):
                grad.copy_(part.view_as(grad))
        torch.nn.utils.clip_grad_norm_(self._parameters, self.recipe.clip)
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.rate_at(self.done)
        self.optimizer.step()
        self.done += 1
        # A short memory at first, so that an early export is not half random start.
        keep = min(self.recipe.average, self.done / (self.done + 10))
        torch._foreach_lerp_(self.average, [p.detach() for p in self._parameters], 1 - keep)

    def save(self, path: Path) -> None:
        """Write model, averaged weights, optimizer and step: the whole file or none."""
        partial = path.with_suffix(".partial")
        torch.save(
            {
                "model": self.model.state_dict(),
                "average": self.average,
                "optimizer": self.optimizer.state_dict(),
                "done": self.done,
                "recipe": self.recipe.fixed,
                "steps": self.recipe.steps,
                "ranks": self.ranks,
            },
            partial,
        )
        os.replace(partial, path)

    def load(self, path: Path) -> None:
        """Continue from `save`.

        The number of steps may have changed as long as no cool-down has begun. Raises
        ConfigurationError for a checkpoint of another recipe.
        """
        state = torch.load(path, weights_only=True)
        if state["recipe"] != self.recipe.fixed:
            raise ConfigurationError(
                f"checkpoint {path}: made by {state['recipe']}, expected {self.recipe.fixed}"
            )
        if state["ranks"] != self.ranks:  # they decide the batches
            raise ConfigurationError(
                f"checkpoint {path}: made by {state['ranks']} processes, expected {self.ranks}"
            )
        begun = min(self.recipe.steps, state["steps"]) - self.recipe.cool_down
        if state["steps"] != self.recipe.steps and state["done"] > begun:
            raise ConfigurationError(
                f"checkpoint {path}: at step {state['done']} of {state['steps']}, already cooling "
                f"down; expected the same number of steps, got {self.recipe.steps}"
            )
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average = state["average"]
        self.done = int(state["done"])

    def averaged_state(self) -> dict[str, Tensor]:
        """The averaged weights as an open_clip state dict."""
        now = [p.detach().clone() for p in self._parameters]
        with torch.no_grad():
            for parameter, mean in zip(self._parameters, self.average, strict=True):
                parameter.copy_(mean)
            state = self.model.state_for_export()
            for parameter, value in zip(self._parameters, now, strict=True):
                parameter.copy_(value)
        return state


def run(
    trainer: Trainer,
    checkpoint: Path,
    log: Log,
    *,
    every: int = 50,
    save_seconds: float = 180.0,
    check: Callable[[Trainer], str] | None = None,
    check_every: int = 500,
) -> None:
    """Train to the recipe's last step, resuming from `checkpoint` where it exists.

    `check` is called on rank 0 every `check_every` steps and at the end; its text is logged.
    """
    if checkpoint.exists():
        trainer.load(checkpoint)
        log(f"resumed at step {trainer.done}")
    first = trainer.rank == 0
    sums: list[Tensor] = []
    seen, since, saved = 0, time.monotonic(), time.monotonic()
    while trainer.done < trainer.recipe.steps:
        result, patches = trainer.step()
        seen += patches * trainer.ranks
        sums.append(
            torch.stack([getattr(result, name).detach() for name in Losses.__annotations__])
        )
        if first and trainer.done % every == 0:
            spent = time.monotonic() - since
            means = torch.stack(sums).mean(0).tolist()
            terms = " ".join(
                f"{n} {v:.3f}" for n, v in zip(Losses.__annotations__, means, strict=True)
            )
            left = (trainer.recipe.steps - trainer.done) * spent / every
            log(
                f"step {trainer.done}/{trainer.recipe.steps} {terms} "
                f"{seen / 49 / spent:.1f} crops/s, {left / 60:.0f} min left"
            )
            sums, seen, since = [], 0, time.monotonic()
        last = trainer.done == trainer.recipe.steps
        if first and (last or time.monotonic() - saved > save_seconds):
            trainer.save(checkpoint)
            saved = time.monotonic()
        if first and check is not None and (last or trainer.done % check_every == 0):
            log(f"step {trainer.done} {check(trainer)}")
            since = time.monotonic()
