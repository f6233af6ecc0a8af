"""A decision that is shown is one that the service would give now; any other says so itself."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.fakes import FakeDetector
from tests.page.conftest import Open, Serve
from tests.page.holding import hold, let_go, sent, wait_until_held
from tests.page.serving import Served
from tests.page.steps import choose, grey, posted

pytestmark = pytest.mark.slow

_HALF = [[[0, 0], [0.5, 0], [0.5, 1], [0, 1]]]


def good_parts(levels: range) -> list[dict[str, object]]:
    return [grey(f"good-{level}.png", level) for level in levels]


def add(service: Served, levels: range, part: str = "nut") -> dict[str, Any]:
    """Good parts that another client brings; the calibration's state then."""
    answer: dict[str, Any] = service.api(
        "POST", f"/categories/{part}/calibration", files=posted(good_parts(levels))
    ).json()
    return answer


def ask_about(page: Page, level: int, part: str = "nut") -> None:
    page.fill("#category", part)
    choose(page, grey(f"part-{level}.png", level))
    expect(page.locator("#results tbody tr")).to_contain_text(f"part-{level}.png")


def come_back(page: Page) -> None:
    """To the page's window, from another."""
    page.evaluate("window.dispatchEvent(new Event('focus'))")


def decision(page: Page) -> Any:
    return page.locator("#verdict .decision")


def tag(page: Page) -> Any:
    return page.locator("#results tbody tr .tag")


def test_good_parts_added_here_decide_the_picture_that_is_shown(
    serve: Serve, open_page: Open
) -> None:
    page = open_page(serve(), holding=True)
    ask_about(page, 200)
    expect(decision(page)).to_have_text("Not decided")
    page.locator("#files-good").set_input_files(good_parts(range(100, 118)))  # type: ignore[arg-type]
    expect(page.locator("#calibration-outcome")).to_contain_text("18 of 18 pictures")
    expect(decision(page)).to_have_text("Not decided")  # one is missing, and it says so
    expect(page.locator("#verdict .reason")).to_contain_text("18 good images, 19 are needed")
    assert sent(page, "POST predict") == 1
    page.locator("#files-good").set_input_files(good_parts(range(118, 119)))  # type: ignore[arg-type]
    expect(decision(page)).to_have_text("Reject")
    expect(page.locator("#verdict .reason")).to_have_text(
        "None of the 19 good parts scored this high."
    )
    expect(tag(page)).to_have_text("Reject")  # in its place, not beside the old one
    assert sent(page, "POST predict") == 2


def test_another_rate_set_here_decides_anew(serve: Serve, open_page: Open) -> None:
    service = serve()
    add(service, range(100, 125))  # of 25 the highest is the threshold
    page = open_page(service)
    ask_about(page, 122)
    expect(decision(page)).to_have_text("Pass")
    page.fill("#alpha", "20")  # now the fifth highest
    page.locator("#alpha-form").get_by_role("button").click()
    expect(decision(page)).to_have_text("Reject")
    expect(tag(page)).to_have_text("Reject")


def test_good_parts_forgotten_here_decide_nothing_more(serve: Serve, open_page: Open) -> None:
    service = serve()
    add(service, range(100, 119))
    page = open_page(service)
    ask_about(page, 200)
    expect(decision(page)).to_have_text("Reject")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Forget these good parts").click()
    expect(decision(page)).to_have_text("Not decided")
    expect(tag(page)).to_have_text("Not decided")


def _take_one_out(service: Served) -> None:
    samples = service.api("GET", "/categories/nut/calibration").json()["samples"]
    (lowest,) = (each["id"] for each in samples if each["filename"] == "good-100.png")
    service.api("DELETE", f"/categories/nut/calibration/{lowest}")


# What another client may do, and what is then decided of level 124; by 100-123 and 130 it passes.
CHANGES: dict[str, tuple[Callable[[Served], object], str]] = {
    "rate": (lambda s: s.api("PUT", "/categories/nut", json={"alpha": 0.2}), "Reject"),
    "words": (lambda s: s.api("PUT", "/categories/nut", json={"object": "bolt"}), "Not decided"),
    "region": (lambda s: s.api("PUT", "/categories/nut", json={"roi": _HALF}), "Not decided"),
    "one taken out": (_take_one_out, "Pass"),
    "more": (lambda s: add(s, range(60, 75)), "Reject"),  # the second of 40
    "cleared": (lambda s: s.api("DELETE", "/categories/nut/calibration"), "Not decided"),
    "forgotten": (lambda s: s.api("DELETE", "/categories/nut"), "Not decided"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_others_change_is_noticed_on_coming_back(
    serve: Serve, open_page: Open, change: str
) -> None:
    service = serve()
    add(service, range(100, 124))
    add(service, range(130, 131))
    page = open_page(service, holding=True)
    ask_about(page, 124)
    expect(decision(page)).to_have_text("Pass")
    work, then = CHANGES[change]
    work(service)
    come_back(page)
    expect(decision(page)).to_have_text("Out of date")
    expect(page.locator("#verdict")).to_contain_text("have changed since")
    expect(tag(page)).to_have_text("Out of date")
    assert page.locator("#heat").evaluate("e => getComputedStyle(e).visibility") == "hidden"
    assert sent(page, "POST predict") == 1  # nobody here asked for it
    page.get_by_role("button", name="Ask again").click()
    expect(decision(page)).to_have_text(then)
    expect(tag(page)).to_have_text(then)
    assert page.locator("#heat").evaluate("e => getComputedStyle(e).visibility") == "visible"


def test_nothing_is_out_of_date_where_nothing_has_changed(serve: Serve, open_page: Open) -> None:
    service = serve()
    add(service, range(100, 119))
    page = open_page(service, holding=True)
    ask_about(page, 200)
    before = sent(page, "GET categories/nut")
    come_back(page)
    page.wait_for_function(
        "n => window.sent.filter((s) => s === 'GET categories/nut').length > n", arg=before
    )
    service.api("PUT", "/categories/other", json={"alpha": 0.2})
    come_back(page)
    page.wait_for_timeout(200)
    expect(decision(page)).to_have_text("Reject")


def test_rows_of_other_parts_are_looked_at_too(serve: Serve, open_page: Open) -> None:
    service = serve()
    add(service, range(100, 119))
    page = open_page(service, holding=True)
    ask_about(page, 200)
    page.fill("#category", "bolt")
    choose(page, grey("other.png", 90))
    tags = page.locator("#results tbody tr .tag")
    expect(tags).to_have_text(["Not decided", "Reject"])
    service.api("DELETE", "/categories/nut/calibration")
    come_back(page)
    expect(tags).to_have_text(["Not decided", "Out of date"])
    page.select_option("#filter", "reject")
    expect(page.locator("#results tbody tr")).to_have_count(0)


def test_it_is_looked_at_now_and_then(serve: Serve, open_page: Open) -> None:
    service = serve()
    add(service, range(100, 119))
    page = open_page(service)
    page.clock.install()
    page.reload()
    ask_about(page, 200)
    expect(decision(page)).to_have_text("Reject")
    service.api("DELETE", "/categories/nut/calibration")
    page.clock.fast_forward(16_000)
    expect(decision(page)).to_have_text("Out of date")


def test_an_answer_that_is_there_before_the_model_is_known(serve: Serve, open_page: Open) -> None:
    page = open_page(serve(), holding=True)
    late: list[Route] = []
    page.route("**/model", lambda route: late.append(route))
    page.reload()
    ask_about(page, 200)
    expect(decision(page)).to_have_text("Not decided")
    assert late
    for route in late:
        route.continue_()
    expect(page.locator("#model")).to_contain_text("words alone")
    come_back(page)
    expect(decision(page)).to_have_text("Not decided")
    expect(tag(page)).to_have_text("Not decided")


def test_a_service_that_comes_back_with_another_model(serve: Serve, open_page: Open) -> None:
    service = serve()
    page = open_page(service, holding=True)
    expect(page.locator("#model")).to_contain_text("words alone")  # known before it is asked
    ask_about(page, 200)  # of a part that is not registered: only the model can tell
    expect(decision(page)).to_have_text("Not decided")
    service.stop()
    other = FakeDetector()
    other.info = replace(other.info, fingerprint="e" * 64, backbone="another")
    serve(other, port=service.port)
    come_back(page)
    expect(decision(page)).to_have_text("Out of date")
    expect(page.locator("#verdict")).to_contain_text("another model")
    expect(page.locator("#model")).to_contain_text("another")
    expect(tag(page)).to_have_text("Out of date")
    page.get_by_role("button", name="Ask again").click()
    expect(decision(page)).to_have_text("Not decided")


def test_nobody_is_asked_for_a_key_by_the_clock(serve: Serve, open_page: Open) -> None:
    service = serve()
    page = open_page(service, holding=True)
    ask_about(page, 200)
    service.stop()
    serve(port=service.port, api_keys="s3cret")
    come_back(page)
    expect(page.locator("#notice")).to_contain_text("asks for a key")
    expect(page.locator("#key-dialog")).to_be_hidden()


def test_another_name_in_the_field_is_another_question(serve: Serve, open_page: Open) -> None:
    service = serve()
    add(service, range(100, 119))
    page = open_page(service, holding=True)
    ask_about(page, 200)
    expect(decision(page)).to_have_text("Reject")
    page.locator("#category").press("End")
    page.keyboard.type("s")
    expect(decision(page)).to_have_text("Out of date")
    expect(page.locator("#verdict")).to_contain_text("It was asked as “nut”.")
    page.keyboard.press("Backspace")
    expect(decision(page)).to_have_text("Reject")
    page.fill("#category", "NUT ")  # the same part, by the service's rules
    expect(decision(page)).to_have_text("Reject")
    assert sent(page, "POST predict") == 1


def test_names_are_one_part_where_the_service_says_so(serve: Serve, open_page: Open) -> None:
    service = serve()
    add(service, range(100, 119), part="hex nut")
    page = open_page(service, holding=True)
    page.route(  # as a service has it for which `_` and a space are one
        "**/categories/hex_nut",
        lambda route: route.fulfill(json=service.api("GET", "/categories/hex nut").json()),
    )
    page.fill("#category", "hex nut")
    choose(page, grey("part.png", 200))
    expect(decision(page)).to_have_text("Reject")
    page.locator("#category").click()
    page.keyboard.press("Control+A")
    page.keyboard.type("hex_nut")
    expect(page.locator("#calibration-state")).to_contain_text("hex nut: 19 of")
    expect(decision(page)).to_have_text("Reject")
    assert sent(page, "POST predict") == 1


def test_what_changes_while_a_question_is_under_way_is_asked_again(
    serve: Serve, open_page: Open
) -> None:
    service = serve()
    add(service, range(100, 119))
    page = open_page(service, holding=True)
    page.fill("#category", "nut")
    hold(page, "POST predict")
    choose(page, grey("part.png", 200))
    wait_until_held(page, "POST predict")
    service.api("DELETE", "/categories/nut/calibration")
    let_go(page, "POST predict")
    expect(decision(page)).to_have_text("Not decided")
    assert sent(page, "POST predict") == 2


def test_an_old_result_is_asked_again_in_its_place(serve: Serve, open_page: Open) -> None:
    service = serve()
    add(service, range(100, 119))
    page = open_page(service, holding=True)
    ask_about(page, 200)
    page.fill("#category", "bolt")
    choose(page, grey("other.png", 90))
    expect(page.locator("#results tbody tr")).to_have_count(2)
    rows = page.locator("#results tbody tr")
    service.api("PUT", "/categories/nut", json={"alpha": 0.01})
    page.get_by_role("button", name="Show part-200.png again").click()
    expect(decision(page)).to_have_text("Not decided")
    expect(rows).to_have_count(2)
    expect(rows.nth(1).locator(".tag")).to_have_text("Not decided")
    expect(rows.nth(1)).to_contain_text("part-200.png")
    asked = sent(page, "POST predict")
    page.get_by_role("button", name="Show part-200.png again").click()
    expect(decision(page)).to_have_text("Not decided")  # which holds, and is not asked again
    assert sent(page, "POST predict") == asked == 3


def test_a_refusal_leaves_no_heatmap_of_before(serve: Serve, open_page: Open) -> None:
    service = serve()
    page = open_page(service)
    ask_about(page, 200)
    page.route("**/predict?*", lambda route: route.fulfill(status=500, json={}))
    page.fill("#category", "bolt")
    page.keyboard.press("Enter")
    expect(page.locator(".refusal")).to_be_visible()
    assert page.locator("#heat").evaluate("e => e.hidden")
    expect(decision(page)).to_have_count(0)
