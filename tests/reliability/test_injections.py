"""Each fault once, in a real server, while clients post: what they see, and what comes after."""

from collections.abc import Iterator

import pytest

from app.offline.reliability import site as places
from app.offline.reliability.injections import Injection, injections
from app.offline.reliability.site import Site, open_site
from tests.e2e.forked import FAULTY, ForkedServer
from tests.e2e.serving import tiny_vit

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(places, "ServerProcess", ForkedServer)
        with open_site(FAULTY, tiny_vit(folder), folder) as opened:
            yield opened


@pytest.mark.parametrize("injection", injections(), ids=lambda injection: injection.name)
def test_clients_see_what_they_should(site: Site, injection: Injection) -> None:
    found = injection.inject(site)
    assert injection.objections(found) == []
    # Whatever is said to clients was looked at: something was, where there was anything to say.
    refused = any(status != 200 for status in found.total.statuses)
    assert bool(found.total.told) == refused
