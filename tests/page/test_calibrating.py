"""Good parts dropped on the page, and what it says they buy."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Route, expect

from tests.e2e.serving import Server
from tests.page.conftest import Open
from tests.page.holding import hold, wait_until_held
from tests.page.steps import file_of, good_pictures, hand_over, shoot

pytestmark = pytest.mark.slow


def get(server: Server, category: str) -> dict[str, Any]:
    answer = httpx.get(f"{server.url}/categories/{category}", trust_env=False)
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


def state_of(server: Server, category: str) -> dict[str, Any]:
    """The default method's calibration."""
    states: list[dict[str, Any]] = get(server, category)["calibrations"]
    return states[0]


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
    expect(page.locator("#calibration-progress")).to_be_hidden()
    expect(page.locator("#calibration-problems li")).to_have_count(1)
    expect(page.locator("#calibration-problems")).to_contain_text("torn.png: ")
    expect(page.locator("#calibration-state")).to_contain_text("19 of at least 19 good parts")
    # k/(n+1) and its bound, as the service states them.
    expect(page.locator("#calibration-outcome")).to_contain_text("19 of 20 pictures were measured")
    expect(page.locator("#categories option[value='dropped wood']")).to_have_count(1)
    state = state_of(demo, "dropped wood")
    expect(page.locator("#calibration-state")).to_contain_text("5 % are rejected on average")
    assert f"{100 * state['rate_95']:.1f} %" in page.locator("#calibration-state").inner_text()
    shoot(page, shots, "calibrated")

    page.fill("#alpha", "2")
    asked = []
    page.once("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    page.locator("#alpha-form").get_by_role("button").click()
    assert asked == [
        "“dropped wood” is decided by 19 good parts now. At least 49 good parts will be needed; "
        "until then nothing is decided. Go on?"
    ]
    assert get(demo, "dropped wood")["alpha"] == 0.05
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator("#alpha-form").get_by_role("button").click()
    expect(page.locator("#calibration-state")).to_contain_text("19 of at least 49")
    assert get(demo, "dropped wood")["alpha"] == 0.02

    page.get_by_role("button", name="Forget these good parts").click()
    expect(page.locator("#calibration-state")).to_contain_text("0 of at least 49")


def test_it_can_be_stopped_in_between_and_go_on(demo: Server, open_page: Open) -> None:
    page = open_page(demo, holding=True)
    page.fill("#category", "stopped wood")
    hold(page, "POST categories")
    page.locator("#files-good").set_input_files(good_pictures(10))  # type: ignore[arg-type]
    wait_until_held(page, "POST categories")  # kept, but the page does not know
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#calibration-progress")).to_be_hidden()
    outcome = page.locator("#calibration-outcome")
    expect(outcome).to_contain_text("0 of 10 pictures were measured.")
    expect(outcome).to_contain_text("The service has 4 good parts of it now.")
    assert state_of(demo, "stopped wood")["n"] == 4
    page.get_by_role("button", name="Go on with the other 10").click()
    expect(outcome).to_contain_text("10 of 10 pictures were measured.")
    state = state_of(demo, "stopped wood")
    assert (state["n"], state["repeated"]) == (10, 0)


@pytest.mark.parametrize("kept", [True, False])
def test_nothing_counts_twice_after_a_503(demo: Server, open_page: Open, kept: bool) -> None:
    name = f"doubtful wood {kept}"
    page = open_page(demo)
    posts = 0

    def second_fails(route: Route) -> None:
        nonlocal posts
        if route.request.method == "POST":
            posts += 1
            if posts == 2:
                if kept:
                    route.fetch()
                return route.fulfill(status=503, headers={"Retry-After": "0"}, json={})
        return route.fallback()

    page.route("**/calibration", second_fails)
    page.fill("#category", name)
    page.locator("#files-good").set_input_files(good_pictures(10))  # type: ignore[arg-type]
    outcome = page.locator("#calibration-outcome")
    expect(outcome).to_contain_text("4 of 10 pictures were measured")
    expect(outcome).to_contain_text("The next 4 may or may not have been kept")
    expect(outcome).to_contain_text(f"The service has {8 if kept else 4} good parts of it now")
    assert posts == 2
    page.get_by_role("button", name="Go on with the other 6").click()
    expect(outcome).to_contain_text("10 of 10 pictures were measured")
    state = state_of(demo, name)
    assert (state["n"], state["repeated"]) == (10, 0)


def test_stop_does_not_wait_for_a_busy_service(demo: Server, open_page: Open) -> None:
    page = open_page(demo)
    busy: dict[str, Any] = {"status": 429, "headers": {"Retry-After": "120"}, "json": {}}
    page.route("**/calibration", lambda route: route.fulfill(**busy))
    page.fill("#category", "patient wood")
    page.locator("#files-good").set_input_files(good_pictures(2))  # type: ignore[arg-type]
    expect(page.locator("#calibration-said")).to_contain_text("waiting")
    page.get_by_role("button", name="Stop").click()
    # Half as long as it was told to wait.
    expect(page.locator("#calibration-progress")).to_be_hidden(timeout=60_000)
    expect(page.locator("#calibration-outcome")).to_contain_text("0 of 2 pictures were measured.")
    expect(page.locator("#calibration-outcome")).not_to_contain_text("may or may not")


def test_without_a_part_there_is_nothing_to_calibrate(demo: Server, open_page: Open) -> None:
    page = open_page(demo)
    hand_over(page, "#drop-good", "drop", good_pictures(1))
    expect(page.locator("#calibration-progress")).to_be_hidden()
    assert page.evaluate("document.activeElement.id") == "category"
