"""The model's thread dies, and is tried out; it hangs, and the process ends."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from app.errors import NotReadyError
from app.serving.lifecycle import Lifecycle, State
from app.serving.watchdog import Watchdog


@dataclass
class Thread:
    deaths: int = 0
    busy_s: float = 0.0


@dataclass
class Scene:
    """A watchdog over a thread made of figures; notes what it does."""

    thread: Thread = field(default_factory=Thread)
    lifecycle: Lifecycle = field(default_factory=Lifecycle)
    said: list[str] = field(default_factory=list)
    broken: int = 0
    """How many probes fail before one succeeds."""

    async def probe(self) -> None:
        self.said.append(f"probe while {self.lifecycle.state}")
        if self.broken:
            self.broken -= 1
            self.thread.deaths += 1
            raise NotReadyError("dead again")

    def play(self, change: Callable[[], None], until: Callable[[], bool]) -> None:
        async def scene() -> None:
            self.lifecycle.started()
            dog = Watchdog(
                self.thread, self.lifecycle, probe=self.probe,
                abandon=lambda error: self.said.append(f"abandon: {error}"),
                leave=lambda: self.said.append("leave"),
                limit_s=10, every_s=0.01, grace_s=0.02,
            )  # fmt: skip
            watching = asyncio.create_task(dog.watch())
            await asyncio.sleep(0.05)
            assert self.said == []
            change()
            async with asyncio.timeout(30):
                while not until():
                    await asyncio.sleep(0.005)
            watching.cancel()

        asyncio.run(scene())


def test_a_dead_thread_is_red_until_a_prediction_succeeds() -> None:
    scene = Scene(broken=2)

    def die() -> None:
        scene.thread.deaths += 1

    scene.play(die, lambda: len(scene.said) >= 3 and scene.lifecycle.state is State.READY)
    assert scene.said == ["probe while impaired"] * 3


@pytest.mark.parametrize("deaths", [0, 1])
def test_a_thread_that_hangs_ends_the_process(deaths: int) -> None:
    scene = Scene()

    def hang() -> None:
        scene.thread.busy_s = 11
        scene.thread.deaths += deaths

    scene.play(hang, lambda: "leave" in scene.said)
    assert scene.lifecycle.state is State.HUNG
    assert not scene.lifecycle.lives
    with pytest.raises(NotReadyError, match="is hung"):
        scene.lifecycle.require_life()
    assert scene.said == [
        "abandon: the model hangs: this process is about to be started anew",
        "leave",
    ]


def test_a_probe_that_hangs_is_not_waited_for() -> None:
    scene = Scene()

    async def stuck() -> None:
        scene.thread.busy_s = 11
        await asyncio.sleep(3600)

    scene.probe = stuck  # type: ignore[method-assign]

    def die() -> None:
        scene.thread.deaths += 1

    scene.play(die, lambda: "leave" in scene.said)
    assert scene.lifecycle.state is State.HUNG


def test_a_long_job_within_the_limit_is_let_be() -> None:
    scene = Scene()
    ticks = 0

    def work() -> None:
        scene.thread.busy_s = 9.9

    def later() -> bool:
        nonlocal ticks
        ticks += 1
        return ticks > 20

    scene.play(work, later)
    assert scene.said == []
    assert scene.lifecycle.state is State.READY
