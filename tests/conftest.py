"""Every test's data in a folder of its own: what one calibrates must not decide in another.

PostgreSQL's server is started once, by the first test that asks for one of its databases.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import torch

from tests.store import cluster

# How long an example takes is the machine's matter; one that hangs meets pytest's time limit.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

if "PYTEST_XDIST_WORKER" in os.environ:  # others compute beside this process
    torch.set_num_threads(1)


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
