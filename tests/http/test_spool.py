"""Pictures on the disk: given back as they came, without a name, bounded, and gone in the end."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from app.errors import QueueFullError, SpoolError
from app.http import spool as module
from app.http.spool import Spool, Spools
from tests.e2e.serving import ROOT

KILLED = f"""
import asyncio, os, signal
from pathlib import Path
from app.http.spool import Spool

async def fill():
    spool = Spool(Path("."))
    spool.add(b"x" * 3_000_000)
    await spool.finish()
    assert len(spool.read(0, 3_000_000)) == 3_000_000
    os.kill(os.getpid(), signal.{signal.SIGKILL.name})

asyncio.run(fill())
"""


class Usage(NamedTuple):
    free: int


def test_pieces_are_given_back_as_they_came(tmp_path: Path) -> None:
    contents = [os.urandom(size) for size in (0, 1, 700_000, 1_500_000, 3)]

    async def scene() -> list[bytes]:
        async with Spools(tmp_path / "made" / "here").open() as spool:
            pieces = []
            for content in contents:
                start = spool.size
                for at in range(0, len(content), 65_536):
                    spool.add(content[at : at + 65_536])
                    await spool.settle()
                pieces.append(spool.since(start))
            await spool.finish()
            assert os.listdir(tmp_path / "made" / "here") == []
            return [await asyncio.to_thread(piece.read) for piece in reversed(pieces)]

    assert asyncio.run(scene()) == contents[::-1]


def test_blocks_are_written_beside_the_event_loop_and_little_waits_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    write = Spool._write

    def watched(self: Spool, block: bytearray) -> None:
        assert threading.current_thread() is not threading.main_thread()
        written.append(len(block))
        write(self, block)

    monkeypatch.setattr(Spool, "_write", watched)

    async def scene() -> None:
        async with Spools(tmp_path).open() as spool:
            for _ in range(50):
                spool.add(bytes(65_536))
                await spool.settle()
            await spool.finish()

    asyncio.run(scene())
    assert sum(written) == 50 * 65_536
    assert max(written) < 1_200_000


def test_a_process_that_is_killed_leaves_nothing(tmp_path: Path) -> None:
    code = subprocess.run(
        [sys.executable, "-c", KILLED], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}
    ).returncode
    assert code == -signal.SIGKILL
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> Any:
        return open("/dev/full", "wb", buffering=0)

    monkeypatch.setattr(module, "TemporaryFile", full)
    with pytest.raises(SpoolError, match=r"No space left on device; expected .*DATA_DIR") as error:
        asyncio.run(filled(Spools(tmp_path)))
    assert str(tmp_path) not in str(error.value)


def test_the_database_s_share_of_the_disk_is_left_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(64 * 1024 * 1024 + 9_999))
    with pytest.raises(SpoolError, match="No space left on device"):
        asyncio.run(filled(Spools(tmp_path), 10_000))
    asyncio.run(filled(Spools(tmp_path), 9_999))


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SpoolError, match="expected CLIPAD_DATA_DIR to be a folder that can be"):
        asyncio.run(filled(Spools(tmp_path / "file")))


def test_what_is_lost_on_the_disk_is_not_taken_for_a_picture(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Spools(tmp_path).open() as spool:
            spool.add(b"12345")
            await spool.finish()
            spool._file.truncate(3)
            spool.since(0).read()

    with pytest.raises(SpoolError, match="3 bytes left of 5"):
        asyncio.run(scene())


def test_there_are_only_so_many_and_those_that_end_make_room(tmp_path: Path) -> None:
    async def scene() -> None:
        spools = Spools(tmp_path, at_once=2)
        async with spools.open():
            with pytest.raises(SpoolError):
                await raising(spools)
            async with spools.open():
                with pytest.raises(QueueFullError, match="2 calibrations are under way") as full:
                    await filled(spools)
                assert full.value.retry_after_s >= 1
            await filled(spools)

    asyncio.run(scene())


async def filled(spools: Spools, size: int = 10_000) -> None:
    async with spools.open() as spool:
        spool.add(bytes(size))
        await spool.finish()


async def raising(spools: Spools) -> None:
    async with spools.open():
        raise SpoolError("as a full disk")
