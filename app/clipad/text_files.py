"""Text features on disk: one safetensors file per key, the least recently used go first.

A cache and nothing more: what cannot be read is as if it were not there, what cannot be written is
warned about and counted. Knows nothing of prompts or how features are made.
"""

import logging
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from threading import Lock

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

CAPACITY = 10_000
_SUFFIX = ".safetensors"
_TEMPORARY = ".unfinished-"
_LOOK_EVERY = 64  # files written; the folder may be over its capacity by so many for a while
_FORGOTTEN_S = 3600  # an unfinished file this old has nobody writing it any more
_log = logging.getLogger(__name__)


def _seal(key: str, features: Tensor) -> Tensor:
    """uint8 [32], SHA-256: one bit that turned on the disk would silently move every score."""
    content = features.cpu().contiguous().view(torch.uint8).numpy().tobytes()
    return torch.frombuffer(bytearray(sha256(key.encode() + content).digest()), dtype=torch.uint8)


class TextFiles:
    """Features [D,2] under a folder, which is made with the first of them.

    shape: of all of them. capacity: files at most. failures: how many could not be written since
    the start. Safe for many threads, and for several processes in one folder.
    """

    def __init__(self, directory: Path, shape: tuple[int, int], capacity: int = CAPACITY) -> None:
        self._directory = directory
        self._shape = shape
        self._capacity = capacity
        self._lock = Lock()
        self._written = 0
        self.failures = 0

    def has(self, key: str) -> bool:
        """Whether there is a file; it may yet be unreadable."""
        return self._path(key).is_file()

    def read(self, key: str) -> Tensor | None:
        """Unit columns [D,2] float32, or None; a file that is used moves to the end of the line."""
        path = self._path(key)
        try:
            stored = load(path.read_bytes())
            features, seal = stored["text"], stored["seal"]
        except FileNotFoundError:
            return None
        except (OSError, SafetensorError, KeyError) as error:
            _log.warning("text features %s: unreadable (%s), made again", path.name, error)
            return None
        if features.shape != self._shape or not torch.equal(seal, _seal(key, features)):
            _log.warning("text features %s: not as they were written, made again", path.name)
            return None
        with suppress(OSError):  # a folder that may only be read is as good
            os.utime(path)
        return features.float()

    def write(self, key: str, features: Tensor) -> None:
        """Keep [D,2]; readers see the whole file or none."""
        path = self._path(key)
        temporary = ""
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(
                dir=self._directory, prefix=_TEMPORARY, delete=False
            ) as file:
                temporary = file.name
                kept = features.cpu().contiguous()
                file.write(save({"text": kept, "seal": _seal(key, kept)}))
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(0o644)  # other processes may serve from the same folder
            os.replace(temporary, path)
        except OSError as error:
            _log.warning("text features %s: not kept on disk (%s)", path.name, error)
            with self._lock:
                self.failures += 1
            if temporary:
                with suppress(OSError):  # what is left is removed another time
                    Path(temporary).unlink()
            return
        with self._lock:
            due = self._written % _LOOK_EVERY == 0
            self._written += 1
        if due:
            self._make_room()

    def _path(self, key: str) -> Path:
        return self._directory / f"{key}{_SUFFIX}"

    def _make_room(self) -> None:
        found: list[tuple[float, str]] = []
        for name, used in self._files():
            if name.endswith(_SUFFIX):
                found.append((used, name))
            elif name.startswith(_TEMPORARY) and used < time.time() - _FORGOTTEN_S:
                self._remove(name)
        for _, name in sorted(found)[: max(0, len(found) - self._capacity)]:
            self._remove(name)

    def _files(self) -> Iterator[tuple[str, float]]:
        """Names, and when each was last used."""
        try:
            with os.scandir(self._directory) as entries:
                for entry in entries:
                    with suppress(OSError):  # gone meanwhile
                        yield entry.name, entry.stat().st_mtime
        except OSError as error:
            _log.warning("text features: %s cannot be looked through (%s)", self._directory, error)

    def _remove(self, name: str) -> None:
        with suppress(OSError):
            (self._directory / name).unlink()
