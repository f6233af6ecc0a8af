"""Every width, light and dark: nothing wider than the window, and axe-core has no complaint."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.e2e.serving import Server
from tests.page.conftest import Open
from tests.page.steps import calibrate, choose, file_of, good_pictures, shoot, take_sample

pytestmark = pytest.mark.slow
_CLIPPED = """() => [...document.querySelectorAll("main *, header *, .banner *")].filter((e) => {
    const { left, right, width } = e.getBoundingClientRect();
    const scrolls = e.closest(".scroller, .table-frame, svg, select, .hidden-label");
    if (!e.checkVisibility() || scrolls || width === 0) return false;
    const inline = getComputedStyle(e).display === "inline";
    const spills = !inline && e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 1;
    return right > innerWidth + 1 || left < -1 || spills;
}).map((e) => e.outerHTML.slice(0, 120))"""


def complaints(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']} ({each['impact']}): {each['help']}: {[n['html'] for n in each['nodes']][:3]}"
        for each in found
    ]


# By day every width once and both colours: what depends on the one does not on the other.
@pytest.mark.parametrize(
    ("width", "height", "colours"),
    [
        (1440, 900, "light"),
        (1024, 768, "dark"),
        (390, 844, "light"),
        pytest.param(1440, 900, "dark", marks=pytest.mark.nightly),
        pytest.param(1024, 768, "light", marks=pytest.mark.nightly),
        pytest.param(390, 844, "dark", marks=pytest.mark.nightly),
    ],
)
def test_every_state_fits_and_can_be_read(
    demo: Server, open_page: Open, shots: Path, width: int, height: int, colours: str
) -> None:
    calibrate(demo, "wood")
    page = open_page(demo, width, height, color_scheme=colours)

    def look(state: str) -> None:
        shoot(page, shots, f"{state}-{width}-{colours}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, state
        assert page.evaluate(_CLIPPED) == [], state
        assert complaints(page) == [], state

    expect(page.locator("#demo")).to_be_visible()
    look("empty")
    take_sample(page, "wood, scratched")
    look("rejected")
    page.get_by_role("button", name="Draw region of interest").click()
    look("drawing")
    page.keyboard.press("Escape")
    page.fill("#category", "wooden")  # not asked yet: the answer is of another part
    expect(page.locator(".decision")).to_have_text("Out of date")
    look("out-of-date")
    page.fill("#category", "wood")
    choose(page, *good_pictures(2, seed=900), file_of(f"{'a-long-name-' * 8}.txt", b"no"))
    expect(page.locator("#several-said")).to_contain_text("1 without an answer")
    look("several")
    page.get_by_role("button", name="Show good-0.png again").click()
    choose(page, file_of(f"{'a-name-without-any-space-' * 4}.png", b"no"))
    expect(page.locator(".refusal")).to_be_visible()
    look("refused")
    page.get_by_role("button", name="API key").click()
    look("key")


def test_all_of_it_is_reached_by_keyboard(demo: Server, open_page: Open) -> None:
    page = open_page(demo)
    take_sample(page, "wood, good")
    reached = set()
    page.evaluate("document.activeElement.blur()")
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("(e => e.id || e.textContent.trim())(document.activeElement)"))
    wanted = "category method pick open-camera opacity zoom-in boxes draw pick-good alpha filter"
    assert {*wanted.split(), "search", "csv", "API", "wood, scratched"} <= reached
