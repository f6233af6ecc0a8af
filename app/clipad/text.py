"""Text features of objects: prompts -> representative vectors, kept in memory and on disk.

The key is a sha256 over everything that moves the result: the model (weights, config, number
format), prompts, rvs and its parameters. Knows nothing of images or categories.
"""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from threading import Lock
from typing import Protocol

import torch
from torch import Tensor

from app.clipad.prompts import PromptEnsemble
from app.clipad.rvs import Rvs, representative
from app.clipad.text_files import TextFiles


class PromptEncoder(Protocol):
    """Anything that turns prompts into unit rows [N,D], float32."""

    def encode(self, prompts: Sequence[str]) -> Tensor: ...


class TextBank:
    """Text features [D,2] (normal, abnormal) of prompt ensembles, made once per key.

    Safe for many threads: the first that asks for a key computes it, others asking for the same
    key wait for that result, and other keys are not held up. `directory` None keeps nothing on
    disk. At most `capacity` keys stay in memory, the least recently used leave first.
    """

    def __init__(
        self,
        encoder: PromptEncoder,
        model_digest: str,
        rvs: Rvs,
        embed_dim: int,
        directory: Path | None = None,
        capacity: int = 1024,
    ) -> None:
        self._encoder = encoder
        self._model_digest = model_digest
        self._rvs = rvs
        self._files = None if directory is None else TextFiles(directory, (embed_dim, 2))
        self._capacity = capacity
        self._lock = Lock()
        self._ready: OrderedDict[str, Tensor] = OrderedDict()
        self._under_way: dict[str, Future[Tensor]] = {}

    def key(self, prompts: PromptEnsemble, rvs: Rvs | None = None) -> str:
        """sha256 over the model's digest, prompts, rvs and its parameters, in hex.

        rvs, here and below: None for the bank's own.
        """
        parts = json.dumps([self._model_digest, prompts.digest, (rvs or self._rvs).label])
        return hashlib.sha256(parts.encode()).hexdigest()

    def has(self, prompts: PromptEnsemble, rvs: Rvs | None = None) -> bool:
        """Whether `get` would answer without encoding anything (memory, or a file on disk)."""
        key = self.key(prompts, rvs)
        with self._lock:
            if key in self._ready:
                return True
        return self._files is not None and self._files.has(key)

    @property
    def unwritten(self) -> int:
        """How many features could not be kept on disk since the start."""
        return 0 if self._files is None else self._files.failures

    def peek(self, prompts: PromptEnsemble, rvs: Rvs | None = None) -> Tensor | None:
        """What `get` would answer from memory, else None: waits for no encoding and no disk."""
        key = self.key(prompts, rvs)
        with self._lock:
            if key not in self._ready:
                return None
            self._ready.move_to_end(key)
            return self._ready[key]

    def get(self, prompts: PromptEnsemble, rvs: Rvs | None = None) -> Tensor:
        """Unit columns (normal, abnormal): [D,2] float32 on the CPU; not to be written to.

        Raises ObjectNameError if a prompt does not fit CLIP's context.
        """
        key = self.key(prompts, rvs)
        with self._lock:
            if key in self._ready:
                self._ready.move_to_end(key)
                return self._ready[key]
            waiting = self._under_way.get(key)
            if waiting is None:
                future = self._under_way[key] = Future[Tensor]()
        if waiting is not None:
            return waiting.result()
        try:
            features = self._make(key, prompts, rvs or self._rvs)
        except BaseException as error:
            with self._lock:
                del self._under_way[key]
            future.set_exception(error)
            raise
        with self._lock:
            del self._under_way[key]
            self._ready[key] = features
            while len(self._ready) > self._capacity:
                self._ready.popitem(last=False)
        future.set_result(features)
        return features

    def _make(self, key: str, prompts: PromptEnsemble, rvs: Rvs) -> Tensor:
        stored = None if self._files is None else self._files.read(key)
        if stored is not None:
            return stored
        rows = self._encoder.encode([*prompts.normal, *prompts.abnormal])
        normal, abnormal = rows[: len(prompts.normal)], rows[len(prompts.normal) :]
        features = torch.stack([representative(normal, rvs), representative(abnormal, rvs)], dim=1)
        if self._files is not None:
            self._files.write(key, features)
        return features
