"""Text features of objects: prompts -> representative vectors, kept in memory and on disk.

One safetensors file per key, the key being a sha256 over everything that moves the result:
the model (weights, config, number format), prompts, rvs and its parameters. Knows nothing of
images or categories.
"""

import hashlib
import json
import logging
import os
import tempfile
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from threading import Lock
from typing import Protocol

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from app.clipad.prompts import PromptEnsemble
from app.clipad.rvs import Rvs, representative

_log = logging.getLogger(__name__)


class PromptEncoder(Protocol):
    """Anything that turns prompts into unit rows [N,D], float32."""

    def encode(self, prompts: Sequence[str]) -> Tensor: ...


class TextBank:
    """Text features [D,2] (normal, abnormal) of prompt ensembles, made once per key.

    Safe for many threads: the first that asks for a key computes it, others asking for the same
    key wait for that result, and other keys are not held up. `directory` None keeps nothing on
    disk; a file there that cannot be read is made again, and one that cannot be written is only
    warned about. At most `capacity` keys stay in memory, the least recently used leave first.
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
        self._shape = (embed_dim, 2)
        self._directory = directory
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
        path = self._path(key)
        return path is not None and path.is_file()

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
        stored = self._read(key)
        if stored is not None:
            return stored
        rows = self._encoder.encode([*prompts.normal, *prompts.abnormal])
        normal, abnormal = rows[: len(prompts.normal)], rows[len(prompts.normal) :]
        features = torch.stack([representative(normal, rvs), representative(abnormal, rvs)], dim=1)
        self._write(key, features)
        return features

    def _path(self, key: str) -> Path | None:
        return None if self._directory is None else self._directory / f"{key}.safetensors"

    def _read(self, key: str) -> Tensor | None:
        path = self._path(key)
        if path is None:
            return None
        try:
            features = load(path.read_bytes())["text"]
        except FileNotFoundError:
            return None
        except (OSError, SafetensorError, KeyError) as error:
            _log.warning("text features %s: unreadable (%s), made again", path.name, error)
            return None
        unit = torch.ones(2)
        if features.shape != self._shape or not torch.allclose(
            features.float().norm(dim=0), unit, atol=1e-3
        ):
            _log.warning("text features %s: not unit columns [D,2], made again", path.name)
            return None
        return features.float()

    def _write(self, key: str, features: Tensor) -> None:
        path = self._path(key)
        if path is None:
            return
        temporary = ""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(
                dir=path.parent, prefix=f".{key[:16]}-", delete=False
            ) as file:
                temporary = file.name
                file.write(save({"text": features.contiguous()}))
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(0o644)  # other processes may serve from the same folder
            os.replace(temporary, path)  # readers see the whole file or none
        except OSError as error:
            _log.warning("text features %s: not kept on disk (%s)", path.name, error)
            if temporary:
                Path(temporary).unlink(missing_ok=True)
