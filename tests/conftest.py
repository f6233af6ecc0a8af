"""Every test's data in a folder of its own: what one calibrates must not decide in another.

Hypothesis searches the same few examples each day, and at night very many that are new; which
night's is said, so that `--hypothesis-seed` brings them back.
PostgreSQL's server is started once, by the first test that asks for one of its databases.
"""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import torch

from app.cpus import usable_cpus
from tests.store import cluster

# How long an example takes is the machine's matter; one that hangs meets pytest's time limit.
_UNTIMED = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
hypothesis.settings.register_profile("day", derandomize=True, max_examples=40, **_UNTIMED)
hypothesis.settings.register_profile("night", print_blob=True, max_examples=1000, **_UNTIMED)

if "PYTEST_XDIST_WORKER" in os.environ:  # others compute beside this process
    torch.set_num_threads(1)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are CPUs: some tests wait rather than compute."""
    return usable_cpus() + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several workers first the files that take long: none of them is to be the last."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        long = {item.path for item in items if item.get_closest_marker("slow")}
        items.sort(key=lambda item: item.path not in long)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """By day is without the tests marked `nightly`."""
    day = "not nightly" in config.option.markexpr
    hypothesis.settings.load_profile("day" if day else "night")
    if not day and config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = random.getrandbits(32)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    seed = config.option.hypothesis_seed
    if seed is not None:
        terminalreporter.write_line(f"Hypothesis: examples of --hypothesis-seed={seed}")


@pytest.fixture(autouse=True)
def _data_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("data")
    monkeypatch.setenv("CLIPAD_DATA_DIR", str(folder))
    return folder


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The socket folder of a PostgreSQL server that lives as long as the test run."""
    binaries = cluster.binaries()
    if binaries is None:
        pytest.skip(
            "NOT TESTED on PostgreSQL: there is no server (initdb) on this machine; "
            "install Debian's package `postgresql`"
        )
    with cluster.running(binaries) as socket_folder:
        yield socket_folder


@pytest.fixture
def postgresql_url(postgresql_server: str) -> Iterator[str]:
    """The URL of a fresh PostgreSQL database."""
    with cluster.database(postgresql_server) as url:
        yield url
