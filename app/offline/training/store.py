"""FeatureStore: tapped features and masks of N images, on disk.

One raw file per stage, [N,P_k,W_k] in fp16 (or fp32), `masks.bits` with [N,ceil(S*S/8)] packed
bits, and `index.json` with all that decides their contents and how many images are done. Files
are written by ordinary writes, so that a full disk is an error and not a signal, and read through
memory maps, so that they cost no memory of the process. Only what has reached the disk is counted
as done. Knows nothing of images, backbones or training.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.errors import ConfigurationError
from app.offline.choices import Precision
from app.offline.files import sync_folder, write_text
from app.offline.training.recipe import Rows, differences

BATCH = 8
"""Images to one pass and one write: features of a resumed pass come of the same batches."""

_GIB = 2**30
_INDEX = "index.json"
_MASKS = "masks.bits"
_DTYPES = {Precision.FLOAT16: torch.float16, Precision.FLOAT32: torch.float32}


class FeatureStore:
    """Features of `images` images, K stages of shapes (P_k, W_k), masks of side x side.

    facts: plain JSON values, all that decides the contents. Opens what lies in `folder` and goes
    on with it; what was made of other facts is deleted if `fresh`, else a ConfigurationError, as
    is a whole that would take more than `limit_gib` or than the disk has left.
    """

    def __init__(
        self,
        folder: Path,
        facts: Mapping[str, Any],
        shapes: Sequence[tuple[int, int]],
        side: int,
        images: int,
        precision: Precision = Precision.FLOAT16,
        limit_gib: float = math.inf,
        fresh: bool = False,
    ) -> None:
        self.folder, self.images, self._fresh = folder, images, fresh
        self._shapes, self._side, self._precision = tuple(shapes), side, precision
        self._facts = json.loads(json.dumps({**facts, "precision": precision, "images": images}))
        self._paths = [folder / f"stage-{k + 1}.raw" for k in range(len(self._shapes))]
        self._paths.append(folder / _MASKS)
        self._row_bytes = [p * w * _DTYPES[precision].itemsize for p, w in self._shapes]
        self._row_bytes.append(math.ceil(side * side / 8))
        self._files: list[BinaryIO] = []
        self._maps: list[Tensor] = []
        self._masks: NDArray[np.uint8] | None = None
        self.done = self._read_index()
        if self.done < images:
            self._check_room(limit_gib)

    @property
    def bytes(self) -> int:
        """Disk space of the whole, in bytes."""
        return self.images * sum(self._row_bytes)

    @property
    def begun(self) -> bool:
        """Whether anything was written here before."""
        return (self.folder / _INDEX).exists()

    @property
    def complete(self) -> bool:
        """Whether all images are done."""
        return self.done == self.images

    def write(self, features: Sequence[Tensor], masks: NDArray[np.bool_]) -> None:
        """Put the next images behind those written: K x [B,P_k,W_k] and [B,S,S].

        They count as done after the next `commit`. Raises ConfigurationError for values that are
        not finite or beyond the number format.
        """
        if not self._files:
            self._open_for_writing()
        for stage, (file, values) in enumerate(zip(self._files, features, strict=False)):
            stored = values.to(_DTYPES[self._precision]).cpu().contiguous()
            if not bool(torch.isfinite(stored).all()):
                raise ConfigurationError(self._unfit(stage, values))
            file.write(stored.numpy().data)
        self._files[-1].write(np.packbits(masks.reshape(len(masks), -1), axis=1).data)
        self._written += len(masks)

    def commit(self) -> None:
        """Bring all that was written to the disk, then count it as done."""
        for file in self._files:
            file.flush()
            os.fsync(file.fileno())
        if self._files:
            self.done = self._written
            self._write_index()
        if self.complete:
            self.close()

    def close(self) -> None:
        """Close the files that were written to."""
        for file in self._files:
            file.close()
        self._files = []

    def read(self, rows: Rows) -> tuple[list[Tensor], Tensor]:
        """Float32 features K x [B,P_k,W_k] and masks [B,S,S] bool of these rows, in their order.

        Only once all images are done.
        """
        if self._masks is None:
            self._map()
        assert self._masks is not None  # noqa: S101 (set just above)
        first, last = int(rows[0]), int(rows[-1])
        straight = last - first == len(rows) - 1 and bool((np.diff(rows) == 1).all())
        index = slice(first, last + 1) if straight else torch.from_numpy(rows)
        features = [stage[index].float() for stage in self._maps]
        bits = np.unpackbits(self._masks[rows], axis=1, count=self._side**2)
        return features, torch.from_numpy(bits.view(np.bool_)).view(-1, self._side, self._side)

    def _map(self) -> None:
        if not self.complete:
            raise ConfigurationError(
                f"features {self.folder}: {self.done} of {self.images} images done; expected all"
            )
        for path, (patches, width) in zip(self._paths, self._shapes, strict=False):
            count = self.images * patches * width
            # Not shared: read only, and nothing that is done to these tensors reaches the file.
            raw = torch.from_file(
                str(path), shared=False, size=count, dtype=_DTYPES[self._precision]
            )
            self._maps.append(raw.view(self.images, patches, width))
        shape = (self.images, self._row_bytes[-1])
        self._masks = np.memmap(self._paths[-1], np.uint8, "r", shape=shape)

    def _open_for_writing(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.done == 0:
            self._write_index()
        for path, size in zip(self._paths, self._row_bytes, strict=True):
            path.touch()
            file = path.open("r+b")
            file.truncate(self.done * size)
            file.seek(0, os.SEEK_END)
            self._files.append(file)
        sync_folder(self.folder)
        self._written = self.done

    def _read_index(self) -> int:
        path = self.folder / _INDEX
        try:
            index = json.loads(path.read_text("utf-8"))
            facts, done = index["facts"], int(index["done"])
        except FileNotFoundError:
            return 0
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigurationError(f"features {path}: not readable ({error!r})") from error
        changed = differences(facts, self._facts)
        if changed and self._fresh:
            self._discard()
            return 0
        if changed:
            raise ConfigurationError(
                f"features {self.folder} were made of something else: {changed}; --fresh makes "
                "them anew"
            )
        # Should a file have been lost or cut, its images are not done.
        for file, size in zip(self._paths, self._row_bytes, strict=True):
            done = min(done, file.stat().st_size // size if file.exists() else 0)
        return done if done == self.images else done - done % BATCH

    def _write_index(self) -> None:
        text = json.dumps({"facts": self._facts, "done": self.done}, indent=1)
        write_text(self.folder / _INDEX, text + "\n")

    def _check_room(self, limit_gib: float) -> None:
        if self.bytes > limit_gib * _GIB:
            raise ConfigurationError(
                f"features of {self.images} images need {self.bytes / _GIB:.2f} GiB, allowed are "
                f"{limit_gib:g} GiB: raise --store-limit-gib, or take fewer objects or stages"
            )
        existing = self.folder
        while not existing.exists():
            existing = existing.parent
        free = shutil.disk_usage(existing).free
        missing = self.bytes - self.done * sum(self._row_bytes)
        if missing > free:
            raise ConfigurationError(
                f"features of {self.images} images need {missing / _GIB:.2f} GiB more, "
                f"{existing} has {free / _GIB:.2f} GiB free: make room, or take fewer objects or "
                "stages"
            )

    def _discard(self) -> None:
        """Delete what lies here; the index first, so that what is left half way is no store."""
        for path in (self.folder / _INDEX, self.folder / _MASKS, *self.folder.glob("stage-*.raw")):
            with suppress(FileNotFoundError):
                path.unlink()

    def _unfit(self, stage: int, values: Tensor) -> str:
        largest = float(values.abs().max())
        if math.isfinite(largest):
            return (
                f"features of stage file {stage + 1} reach {largest:g}, {self._precision} holds "
                f"{torch.finfo(_DTYPES[self._precision]).max:g}: use --precision float32"
            )
        return f"features of stage file {stage + 1} are not finite: expected a working backbone"
