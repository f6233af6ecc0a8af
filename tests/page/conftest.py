"""A browser, a server with the demo, and pages that complain of anything strange they saw."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from tests.e2e.serving import ROOT, Server
from tests.fakes import FakeDetector
from tests.page import browser as found
from tests.page import holding
from tests.page.serving import Served


class HasUrl(Protocol):
    """Whatever serves the page."""

    @property
    def url(self) -> str: ...


Open = Callable[..., Page]
Serve = Callable[..., Served]
_PATIENCE_MS = 60_000  # what comes at once on an idle machine may take so long on a busy one
# Chromium says this of every refusal; the page itself tells the user.
_HOLDING = holding.SCRIPT
_REFUSED = re.compile(r"Failed to load resource: (the server responded|net::ERR_)")


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """A browser for this folder's tests: while it is there, no other test may run an event loop."""
    program = found.chromium()
    if program is None:
        pytest.skip(found.ABSENT)
    expect.set_options(timeout=_PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=found.OPTIONS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def shots() -> Path:
    """Where screenshots are kept for people: CLIPAD_SCREENSHOTS, or `runs/screenshots`."""
    folder = Path(os.environ.get("CLIPAD_SCREENSHOTS", ROOT / "runs" / "screenshots")).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="package")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The service as `./scripts/serve` starts it; what one file's tests keep the next one finds."""
    with Server(tmp_path_factory.mktemp("demo"), {}) as server:
        yield server


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Serve]:
    """Starts services with a fake model and these settings; at the test's end they are stopped."""
    monkeypatch.chdir(tmp_path)  # no .env here
    with ExitStack() as stack:

        def start(
            detector: FakeDetector | None = None, *, port: int = 0, **settings: object
        ) -> Served:
            return stack.enter_context(Served(detector, port=port, **settings))

        yield start


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Open]:
    """Opens the page of a server; afterwards nothing strange may have happened in it."""
    strange: list[str] = []
    contexts = []

    def open_one(
        server: HasUrl,
        width: int = 1440,
        height: int = 900,
        *,
        holding: bool = False,
        **options: object,
    ) -> Page:
        size = {"width": width, "height": height}
        context = chromium.new_context(viewport=size, base_url=server.url, **options)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(_PATIENCE_MS)

        def on_console(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning") and not _REFUSED.match(message.text):
                strange.append(message.text)

        def on_request(request: Request) -> None:
            if not request.url.startswith((server.url, "blob:", "data:")):
                strange.append(f"a request of another host: {request.url}")

        page.on("console", on_console)
        page.on("pageerror", lambda error: strange.append(str(error)))
        page.on("request", on_request)
        if holding:
            page.add_init_script(_HOLDING)
        page.goto("/")
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert strange == []
