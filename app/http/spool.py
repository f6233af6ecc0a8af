"""Pictures on disk between their arrival and their turn: hundreds in one request fit no memory.

A spool is a file without a name in the folder of the data: whatever ends the process, the system
takes it back. It is written and read in threads, a slow disk holds up nobody else. Knows nothing
of forms, image formats or the model.
"""

import asyncio
import errno
import os
import shutil
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from app.errors import QueueFullError, SpoolError

_BLOCK = 1024 * 1024  # bytes that are written at once, and that wait in memory until then
_SPARED = 64 * 1024 * 1024  # bytes of the disk that are left to the database
_AT_ONCE = 4
_RETRY_AFTER_S = 5.0


@dataclass(frozen=True)
class Piece:
    """Where one picture's bytes lie."""

    spool: "Spool"
    start: int
    size: int

    def read(self) -> bytes:
        """All of them; waits for the disk. Raises SpoolError where it does not give them back."""
        return self.spool.read(self.start, self.size)


class Spool:
    """One request's pictures, one after the other in one file.

    Raises OSError where the folder takes none. spared: bytes that stay free on its disk.
    """

    def __init__(self, folder: Path, spared: int = _SPARED) -> None:
        self._folder = folder
        self._spared = spared
        self._file = TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 (`close` is below)
        self._lock = threading.Lock()  # one position for all; and none reads what is closed
        self._pending = bytearray()
        self.size = 0

    def add(self, data: bytes) -> None:
        """Further bytes; they reach the disk at the next `settle`."""
        self._pending += data
        self.size += len(data)

    def since(self, start: int) -> Piece:
        """What was added since the spool had that size; to be read once `finish` is over."""
        return Piece(self, start, self.size - start)

    async def settle(self) -> None:
        """Write what waits in memory, if that is a block or more. Raises SpoolError."""
        if len(self._pending) >= _BLOCK:
            await self.finish()

    async def finish(self) -> None:
        """Write all of it. Raises SpoolError: a full disk, or one that cannot be written to."""
        block, self._pending = self._pending, bytearray()
        if block:
            await asyncio.to_thread(self._write, block)

    def read(self, start: int, size: int) -> bytes:
        """Those bytes; raises SpoolError where the disk does not give them back."""
        try:
            with self._lock:
                self._file.seek(start)
                data = self._file.read(size)
        except OSError as error:
            raise SpoolError(f"a posted image cannot be read again: {_reason(error)}") from error
        if len(data) != size:
            raise SpoolError(f"a posted image has {len(data)} bytes left of {size} on the disk")
        return data

    def close(self) -> None:
        """Give the disk back; may take a while."""
        with self._lock:
            self._file.close()

    def _write(self, block: bytearray) -> None:
        try:
            with self._lock:
                if shutil.disk_usage(self._folder).free < len(block) + self._spared:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                left = memoryview(block)
                while left:  # a disk that is nearly full takes a part of it
                    left = left[self._file.write(left) :]
        except OSError as error:
            raise SpoolError(
                f"the request's images cannot be kept on the disk, {self.size} bytes so far: "
                f"{_reason(error)}; expected room where CLIPAD_DATA_DIR is. Nothing was kept"
            ) from error


class Spools:
    """The spools of all requests under way: so many at once, and so the disk they take is bounded.

    folder: where they lie; made when first needed.
    """

    def __init__(self, folder: Path, at_once: int = _AT_ONCE) -> None:
        self._folder = folder
        self._at_once = at_once
        self._open = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Spool]:
        """A spool as long as this lasts. Raises QueueFullError, or SpoolError without a folder."""
        if self._open >= self._at_once:
            raise QueueFullError(
                f"{self._open} calibrations are under way: expected fewer than {self._at_once}",
                retry_after_s=_RETRY_AFTER_S,
            )
        self._open += 1
        try:
            spool = await asyncio.to_thread(self._made)
            try:
                yield spool
            finally:
                await asyncio.to_thread(spool.close)
        finally:
            self._open -= 1

    def _made(self) -> Spool:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            return Spool(self._folder)
        except OSError as error:
            raise SpoolError(
                f"the request's images cannot be kept on the disk: {_reason(error)}; expected "
                "CLIPAD_DATA_DIR to be a folder that can be written to"
            ) from error


def _reason(error: OSError) -> str:
    """In words, without the path."""
    return os.strerror(error.errno) if error.errno else type(error).__name__
