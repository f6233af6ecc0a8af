"""A region of interest, drawn by mouse and by keyboard."""

from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.serving import Server
from tests.page.conftest import Open
from tests.page.steps import shoot, take_sample

pytestmark = pytest.mark.slow


def region(server: Server, page: Page) -> object:
    expect(page.locator("#region-text")).to_contain_text("Outside the region")
    return httpx.get(f"{server.url}/categories/tile", trust_env=False).json()["roi"]


def test_a_region_is_drawn_used_and_taken_back(demo: Server, open_page: Open, shots: Path) -> None:
    page = open_page(demo)
    take_sample(page, "tile, cracked")
    before = page.locator("#verdict dd").all_inner_texts()
    page.get_by_role("button", name="Draw region of interest").click()
    layer = page.locator(".drawing-layer")
    frame = layer.bounding_box()
    assert frame is not None
    corners = [(0.25, 0.5), (0.75, 0.5), (0.75, 1.0), (0.1, 0.9), (0.25, 1.0)]
    for x, y in corners:
        down = min(y * frame["height"], frame["height"] - 1)
        layer.click(position={"x": x * frame["width"], "y": down})
    shoot(page, shots, "drawing-a-region")
    page.get_by_role("button", name="Take back a corner").click()
    page.get_by_role("button", name="Use this region").click()
    (polygon,) = region(demo, page)  # type: ignore[misc]
    assert [pytest.approx(corner, abs=0.01) for corner in corners[:4]] == polygon
    expect(page.locator("#marks .roi")).to_have_count(1)
    figures = page.locator("#verdict dd")
    expect(figures.first).not_to_have_text(before[0])  # the crack lies outside
    # What the page says of it is so: the words see the whole picture, the map's part has changed.
    said = page.locator("#region-text")
    expect(said).to_contain_text("counts neither for the score nor for the boxes")
    expect(said).to_contain_text("The words are compared with the whole picture all the same")
    expect(page.locator("body")).not_to_contain_text("Only inside")
    expect(figures.nth(1)).to_have_text(before[1])
    expect(figures.nth(2)).not_to_have_text(before[2])
    expect(page.locator("#results tbody tr")).to_have_count(1)  # one question, its latest answer
    shoot(page, shots, "region")
    page.get_by_role("button", name="Take the region away").click()
    expect(page.locator("#marks .roi")).to_have_count(0)
    expect(figures.first).to_have_text(before[0])


def test_only_a_shown_picture_of_a_named_part_is_drawn_on(demo: Server, open_page: Open) -> None:
    page = open_page(demo)
    page.fill("#category", "tile")
    expect(page.locator("#calibration-state")).to_contain_text("tile: ")
    draw = page.get_by_role("button", name="Draw region of interest")
    expect(draw).to_be_disabled()
    take_sample(page, "tile, good")
    draw.click()
    page.fill("#category", "tiles")  # what is drawn would become another part's
    expect(page.locator("#drawing")).to_be_hidden()
    assert page.evaluate("document.activeElement.id") == "category"
    draw.click()
    take_sample(page, "tile, cracked")
    expect(page.locator("#drawing")).to_be_hidden()
    expect(draw).to_be_enabled()


def test_a_region_is_drawn_with_the_keyboard(demo: Server, open_page: Open) -> None:
    page = open_page(demo)
    take_sample(page, "tile, good")
    page.get_by_role("button", name="Draw region of interest").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".drawing-layer")).to_be_focused()
    for keys in ("", "ArrowRight ArrowRight", "ArrowDown ArrowDown ArrowDown", "ArrowLeft"):
        for key in keys.split():
            page.keyboard.press(key)
        page.keyboard.press("Enter")
    page.keyboard.press("Backspace")
    expect(page.locator("#drawing-hint")).to_contain_text("Click the corners")
    page.get_by_role("button", name="Use this region").click()
    assert region(demo, page) == [[[0.5, 0.5], [0.54, 0.5], [0.54, 0.56]]]
    page.get_by_role("button", name="Take the region away").click()
    page.get_by_role("button", name="Draw region of interest").click()
    page.keyboard.press("Escape")
    expect(page.locator("#drawing")).to_be_hidden()
