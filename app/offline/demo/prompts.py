"""Prompts for training, as token ids: a handful per state, for known, generic or unknown names.

At run time one vector per state represents some 200 prompts (RVS). Training imitates it with the
mean of a random handful. The object's name is replaced half of the time, by a generic word or
by random tokens, so that names never seen in training work. Knows nothing of pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from open_clip.tokenizer import SimpleTokenizer
from torch import Tensor

from app.clipad.prompts import TEMPLATES, Domain, abnormal_states, normal_states

GENERIC = (
    "object", "surface", "material", "texture", "panel", "sheet", "product", "part", "item",
    "sample", "plate", "cloth", "workpiece", "board", "component", "pattern",
)  # fmt: skip


@dataclass(frozen=True)
class PromptBatch:
    """ids [N,L] padded with 0; ends [N]: where the end-of-text token stands."""

    ids: Tensor
    ends: Tensor


class PromptSampler:
    """Draws tokenised prompts for the kinds of a batch."""

    def __init__(self, names: Sequence[str]) -> None:
        self._tokenizer = SimpleTokenizer()
        self._states = tuple(
            [self._around(template, state) for state in states for template in TEMPLATES]
            for states in (normal_states(Domain.INDUSTRIAL), abnormal_states(Domain.INDUSTRIAL))
        )
        self._names = {name: self._tokenizer.encode(name) for name in (*names, *GENERIC)}
        self._words = [
            index
            for token, index in self._tokenizer.encoder.items()
            if token.endswith("</w>") and token[:-4].isalpha() and token.isascii()
        ]

    @property
    def used(self) -> set[int]:
        """Ids of every token that templates, states and known names are made of."""
        found = {self._tokenizer.sot_token_id, self._tokenizer.eot_token_id}
        for prompts in self._states:
            for before, after in prompts:
                found.update(before, after)
        for ids in self._names.values():
            found.update(ids)
        return found

    def name(self, rng: np.random.Generator, kind: str, replaced: float) -> tuple[list[int], bool]:
        """Token ids of a name for `kind`, and whether it is the kind's own."""
        if rng.random() >= replaced:
            return self._names[kind], True
        if rng.random() < 0.5:
            return self._names[GENERIC[rng.integers(len(GENERIC))]], False
        count = int(rng.integers(1, 4))
        return [self._words[i] for i in rng.integers(len(self._words), size=count)], False

    def draw(self, rng: np.random.Generator, names: Sequence[list[int]], count: int) -> PromptBatch:
        """`count` prompts per state for each name: rows ordered (name, state, prompt)."""
        rows = [
            self._row(prompts[index], name)
            for name in names
            for prompts in self._states
            for index in rng.choice(len(prompts), count, replace=False)
        ]
        return _padded(rows)

    def all(self, name: str) -> PromptBatch:
        """All prompts of a name that was given to the constructor: normal, then abnormal."""
        ids = self._names[name]
        return _padded([self._row(prompt, ids) for part in self._states for prompt in part])

    @property
    def normal_count(self) -> int:
        """How many of `all` are normal."""
        return len(self._states[0])

    def _around(self, template: str, state: str) -> tuple[list[int], list[int]]:
        before, _, after = template.replace("{}", state).partition("{}")
        return self._tokenizer.encode(before), self._tokenizer.encode(after)

    def _row(self, prompt: tuple[list[int], list[int]], name: list[int]) -> list[int]:
        start, end = self._tokenizer.sot_token_id, self._tokenizer.eot_token_id
        return [start, *prompt[0], *name, *prompt[1], end]


def _padded(rows: Sequence[list[int]]) -> PromptBatch:
    longest = max(len(row) for row in rows)
    ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    return PromptBatch(ids, torch.tensor([len(row) - 1 for row in rows]))
