"""Good parts dropped on the page, and what it says they buy."""

from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.e2e.serving import Server
from tests.page.conftest import Open
from tests.page.steps import file_of, good_pictures, hand_over, shoot

pytestmark = pytest.mark.slow


def get(server: Server, category: str) -> dict[str, object]:
    answer = httpx.get(f"{server.url}/categories/{category}", trust_env=False)
    found: dict[str, object] = answer.raise_for_status().json()
    return found


def test_good_parts_are_counted_and_promise_a_rate(
    demo: Server, open_page: Open, shots: Path
) -> None:
    page = open_page(demo)
    page.fill("#category", "dropped wood")
    expect(page.locator("#calibration-state")).to_contain_text("dropped wood: 0 of at least 19")
    files = [*good_pictures(19), file_of("torn.png", b"\x89PNG\r\n\x1a\n" + b"x" * 40)]
    hand_over(page, "#drop-good", "drop", files)
    expect(page.locator("#calibration-progress")).to_be_visible()
    shoot(page, shots, "calibrating")
    expect(page.locator("#calibration-progress")).to_be_hidden(timeout=60_000)
    expect(page.locator("#calibration-problems li")).to_have_count(1)
    expect(page.locator("#calibration-problems")).to_contain_text("torn.png: ")
    expect(page.locator("#calibration-state")).to_contain_text("19 of at least 19 good parts")
    # k/(n+1) and its bound, as the service states them.
    (state, *_) = get(demo, "dropped wood")["calibrations"]  # type: ignore[misc]
    expect(page.locator("#calibration-state")).to_contain_text("5 % are rejected on average")
    assert f"{100 * state['rate_95']:.1f} %" in page.locator("#calibration-state").inner_text()
    shoot(page, shots, "calibrated")

    page.fill("#alpha", "2")
    page.locator("#alpha-form").get_by_role("button").click()
    expect(page.locator("#calibration-state")).to_contain_text("19 of at least 49")
    assert get(demo, "dropped wood")["alpha"] == 0.02

    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Forget these good parts").click()
    expect(page.locator("#calibration-state")).to_contain_text("0 of at least 49")


def test_it_can_be_stopped_in_between(demo: Server, open_page: Open) -> None:
    page = open_page(demo)
    page.fill("#category", "stopped wood")
    page.locator("#files-good").set_input_files(good_pictures(24))  # type: ignore[arg-type]
    expect(page.locator("#calibration-said")).to_contain_text("4 of 24")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#calibration-progress")).to_be_hidden()
    (state, *_) = get(demo, "stopped wood")["calibrations"]  # type: ignore[misc]
    assert 4 <= state["n"] < 24


def test_without_a_part_there_is_nothing_to_calibrate(demo: Server, open_page: Open) -> None:
    page = open_page(demo)
    hand_over(page, "#drop-good", "drop", good_pictures(1))
    expect(page.locator("#calibration-progress")).to_be_hidden()
    assert page.evaluate("document.activeElement.id") == "category"
