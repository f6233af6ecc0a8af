"""Predictions beside a calibration of many pictures: how long they take with it and without it.

Knows nothing of how the server is started.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import httpx

from app.offline.bench.load import Load, closed_loop

_PATIENCE_S = 3600


def calibrate(url: str, pictures: Sequence[bytes]) -> float:
    """All pictures in one request to a category's calibration -> seconds until it is answered.

    Raises RuntimeError unless every one of them was kept.
    """
    files = [("image", (f"{number}.jpg", data)) for number, data in enumerate(pictures)]
    begin = time.perf_counter()
    answer = httpx.post(url, files=files, timeout=_PATIENCE_S, trust_env=False)
    seconds = time.perf_counter() - begin
    if answer.status_code != 200 or answer.json()["added"] != len(pictures):
        raise RuntimeError(f"{url}: {answer.status_code} {answer.text[:300]}")
    return seconds


def beside(
    url: str, picture: bytes, clients: int, seconds: float, where: str, pictures: Sequence[bytes]
) -> tuple[Load, list[float]]:
    """Predictions asked of `url` by so many clients, while the pictures are posted to the
    calibration at `where`, again and again -> the load, and seconds of each calibration."""
    times: list[float] = []
    failures: list[Exception] = []
    over = threading.Event()

    def post() -> None:
        try:
            while not over.is_set():
                times.append(calibrate(where, pictures))
        except Exception as error:
            failures.append(error)

    posting = threading.Thread(target=post, daemon=True)
    posting.start()
    load = closed_loop(url, picture, clients, seconds=seconds)
    over.set()
    posting.join()
    if failures:
        raise failures[0]
    return load, times
