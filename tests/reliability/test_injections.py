"""Each fault once, in a real server, while clients post: what they see, and what comes after."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.offline.reliability.injections import Injection, injections
from app.offline.reliability.site import Site, open_site
from tests.e2e.serving import ROOT, tiny_vit

pytestmark = pytest.mark.slow
SERVER = [sys.executable, str(ROOT / "scripts" / "lib" / "faulty_server.py")]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with open_site(SERVER, tiny_vit(folder), folder) as opened:
        yield opened


@pytest.mark.parametrize("injection", injections(), ids=lambda injection: injection.name)
def test_clients_see_what_they_should(site: Site, injection: Injection) -> None:
    found = injection.inject(site)
    assert injection.objections(found) == []
    # Of the process that served before the first restart, and of those after it.
    assert site.log.read_text().count("this process ends") <= 2


def test_faults_are_told_without_what_is_the_server_s_own(site: Site) -> None:
    log = site.log.read_text()
    assert "ordered to fail" in log  # the operator's
    assert str(Path(__file__).parent) not in log
