"""Several pictures at once: every one is asked about or told of, whatever becomes of the others."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, Route, expect

from app.png import encode_rgb
from app.rounding import rounded
from tests.page.conftest import Open, Serve
from tests.page.holding import hold, let_go, sent, wait_until_held
from tests.page.steps import choose, file_of, grey, hand_over, posted, scan, shoot

pytestmark = pytest.mark.slow

_TORN = file_of("torn.png", b"\x89PNG\r\n\x1a\n" + b"x" * 99)
_NOTES = file_of("notes.txt", b"only words", "text/plain")


def row(page: Page, name: str, which: int = 0) -> Any:
    """Of the list, the row of the file of that name, from the top."""
    return page.locator("#results tbody tr", has_text=name).nth(which)


def said(page: Page) -> Any:
    return page.locator("#several-said")


def drop(page: Page, *files: dict[str, object], on: str = "#drop") -> None:
    hand_over(page, on, "drop", list(files))


def test_ten_files_are_all_answered_or_told_of(
    serve: Serve, open_page: Open, tmp_path: Path, shots: Path
) -> None:
    service = serve()
    service.api(
        "POST",
        "/categories/nut/calibration",
        files=posted([grey(f"good-{level}.png", level) for level in range(100, 119)]),
    )
    page = open_page(service, holding=True)
    page.fill("#category", "nut")
    files = [
        grey("part-1.png", 90), grey("part-2.png", 200), _TORN, grey("same-name.png", 95), _NOTES,
        scan(), grey("same-name.png", 210), file_of("empty.png", b""), grey("part-3.png", 91),
        grey("part-4.png", 201),
    ]  # fmt: skip
    drop(page, *files)
    expect(said(page)).to_have_text("10 pictures: 3 passed, 4 rejected, 3 without an answer.")
    names = page.locator("#results tbody small:first-of-type")
    assert names.all_inner_texts() == [file["name"] for file in files]
    for name, score, verdict in [("part-1.png", 90, "Pass"), ("part-2.png", 200, "Reject")]:
        expect(row(page, name)).to_contain_text(f"{score / 255 + 0.03:.3f}")
        expect(row(page, name)).to_contain_text(verdict)
    expect(row(page, "same-name.png", 0)).to_contain_text("Pass")
    expect(row(page, "same-name.png", 1)).to_contain_text("Reject")
    expect(row(page, "scan.tif")).to_contain_text("Reject")
    expect(row(page, "torn.png")).to_contain_text("The file is damaged")
    expect(row(page, "notes.txt")).to_contain_text("This is not a picture the service reads")
    expect(row(page, "empty.png")).to_contain_text("No answer")
    expect(page.locator(".decision")).to_have_text("Pass")  # of the first, which is on the stage
    shoot(page, shots, "several")

    asked = sent(page, "POST predict")
    assert asked == 10
    page.get_by_role("button", name="Show part-4.png again").click()
    expect(page.locator(".decision")).to_have_text("Reject")
    page.get_by_role("button", name="Show scan.tif again").click()
    expect(page.locator(".decision")).to_have_text("Reject")
    assert page.locator("#picture").evaluate("e => [e.naturalWidth, e.naturalHeight]") == [90, 60]
    page.get_by_role("button", name="Show notes.txt").click()
    expect(page.locator(".refusal")).to_contain_text("This is not a picture")
    assert sent(page, "POST predict") == asked
    page.select_option("#filter", "none")
    expect(page.locator("#results tbody tr")).to_have_count(3)
    page.select_option("#filter", "all")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as CSV").click()
    lines = Path(download.value.path()).read_text("utf-8-sig").splitlines()
    assert len(lines) == 11
    assert sum("The file is damaged" in line for line in lines) == 1


@pytest.mark.parametrize("way", ["choose", "paste", "drop on the picture"])
def test_they_come_every_way(serve: Serve, open_page: Open, way: str) -> None:
    page = open_page(serve())
    page.fill("#category", "nut")
    files = [grey(f"part-{k}.png", 90 + k) for k in range(3)]
    if way == "choose":
        choose(page, *files)
    elif way == "paste":
        hand_over(page, "body", "paste", files)
    else:
        drop(page, *files, on="#stage")
    expect(said(page)).to_have_text("3 pictures: 3 not decided.")
    expect(page.locator("#results tbody tr")).to_have_count(3)


def test_two_are_asked_at_once_and_the_one_clicked_comes_first(
    serve: Serve, open_page: Open
) -> None:
    service = serve()
    page = open_page(service, holding=True)
    page.fill("#category", "nut")
    service.detector.gate.clear()
    drop(page, *[grey(f"part-{k}.png", 90 + k) for k in range(6)])
    expect(row(page, "part-1.png")).to_contain_text("Looking")
    expect(row(page, "part-2.png")).to_contain_text("Waiting")
    page.wait_for_timeout(300)
    assert sent(page, "POST predict") == 2
    page.get_by_role("button", name="Show part-5.png").click()
    expect(page.locator("#busy")).to_be_visible()
    hold(page, "POST predict")  # the next
    service.detector.gate.set()
    wait_until_held(page, "POST predict")
    expect(row(page, "part-5.png")).to_contain_text("Looking")
    let_go(page, "POST predict")
    expect(page.locator(".decision")).to_have_text("Not decided")
    expect(page.locator("#verdict")).to_contain_text(f"{rounded(95 / 255) + rounded(0.03):.3f}")
    expect(said(page)).to_have_text("6 pictures: 6 not decided.")
    assert sent(page, "POST predict") == 6


def test_one_that_is_too_large_stops_none(serve: Serve, open_page: Open) -> None:
    page = open_page(serve(max_upload_bytes=100_000))
    page.fill("#category", "nut")
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    drop(page, file_of("large.png", encode_rgb(noise)), grey("part-1.png", 90), grey("2.png", 91))
    expect(said(page)).to_have_text("3 pictures: 1 without an answer, 2 not decided.")
    expect(row(page, "large.png")).to_contain_text("The picture is too large")
    expect(page.locator(".refusal")).to_contain_text("The picture is too large")
    expect(page.locator("#several-onward")).to_be_hidden()  # it would be too large again


def test_without_a_name_they_wait_for_it(serve: Serve, open_page: Open) -> None:
    page = open_page(serve(), holding=True)
    files = [grey(f"part-{k}.png", 90 + k) for k in range(3)]
    drop(page, *files)
    expect(page.locator("#verdict")).to_contain_text("Say what is on the 3 pictures")
    expect(said(page)).to_have_text("3 pictures: 3 not asked.")
    assert sent(page, "POST predict") == 0
    page.fill("#category", "nut")
    page.keyboard.press("Enter")
    expect(said(page)).to_have_text("3 pictures: 3 not decided.")
    expect(page.locator(".decision")).to_have_text("Not decided")
    assert sent(page, "POST predict") == 3
    expect(page.locator("#results tbody tr")).to_have_count(3)


def test_it_can_be_stopped_and_go_on(serve: Serve, open_page: Open) -> None:
    service = serve()
    page = open_page(service, holding=True)
    page.fill("#category", "nut")
    service.detector.gate.clear()
    drop(page, *[grey(f"part-{k}.png", 90 + k) for k in range(5)])
    expect(row(page, "part-1.png")).to_contain_text("Looking")
    page.get_by_role("button", name="Stop").click()
    expect(said(page)).to_have_text("5 pictures: 5 not asked.")
    expect(page.locator("#verdict")).to_contain_text("Not asked")
    service.detector.gate.set()
    page.get_by_role("button", name="Ask about the other 5").click()
    expect(said(page)).to_have_text("5 pictures: 5 not decided.")
    expect(page.locator("#several-onward")).to_be_hidden()


def test_all_are_asked_again_where_what_decides_has_changed(serve: Serve, open_page: Open) -> None:
    service = serve()
    levels = range(100, 119)
    good = posted([grey(f"good-{level}.png", level) for level in levels])
    service.api("POST", "/categories/nut/calibration", files=good)
    page = open_page(service, holding=True)
    page.fill("#category", "nut")
    drop(page, *[grey(f"part-{k}.png", 117 + k) for k in range(3)])
    expect(said(page)).to_have_text("3 pictures: 2 passed, 1 rejected.")
    expect(page.locator(".decision")).to_have_text("Pass")
    service.api("DELETE", "/categories/nut/calibration")
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(said(page)).to_have_text("3 pictures: 3 out of date.")
    page.get_by_role("button", name="Ask again about 3").click()
    expect(said(page)).to_have_text("3 pictures: 3 not decided.")
    expect(page.locator(".decision")).to_have_text("Not decided")
    expect(page.locator("#results tbody .tag")).to_have_text(["Not decided"] * 3)
    assert sent(page, "POST predict") == 6


def test_more_may_be_dropped_meanwhile(serve: Serve, open_page: Open) -> None:
    service = serve()
    page = open_page(service, holding=True)
    page.fill("#category", "nut")
    service.detector.gate.clear()
    drop(page, *[grey(f"part-{k}.png", 90 + k) for k in range(3)])
    expect(row(page, "part-1.png")).to_contain_text("Looking")
    page.fill("#category", "bolt")
    drop(page, *[grey(f"more-{k}.png", 80 + k) for k in range(2)])
    service.detector.gate.set()
    expect(said(page)).to_have_text("5 pictures: 5 not decided.")
    for name, part in [("part-2.png", "nut"), ("more-0.png", "bolt"), ("more-1.png", "bolt")]:
        expect(row(page, name).locator("td").nth(2)).to_contain_text(part)
    assert sent(page, "POST predict") == 5


def test_a_service_that_goes_stops_none_from_being_told(serve: Serve, open_page: Open) -> None:
    service = serve()
    page = open_page(service)
    page.fill("#category", "nut")
    expect(page.locator("#calibration-state")).to_contain_text("nut: ")
    service.stop()
    drop(page, *[grey(f"part-{k}.png", 90 + k) for k in range(4)])
    expect(said(page)).to_have_text("4 pictures: 4 without an answer.")
    for k in range(4):
        expect(row(page, f"part-{k}.png")).to_contain_text("The service does not answer")
    serve(port=service.port)
    page.get_by_role("button", name="Ask about the other 4").click()
    expect(said(page)).to_have_text("4 pictures: 4 not decided.")


def test_a_busy_service_is_waited_for(serve: Serve, open_page: Open) -> None:
    page = open_page(serve())
    busy = 0

    def twice(route: Route) -> None:
        nonlocal busy
        busy += 1
        if busy > 2:
            return route.fallback()
        return route.fulfill(status=429, headers={"Retry-After": "0"}, json={})

    page.route("**/predict?*", twice)
    page.fill("#category", "nut")
    drop(page, grey("1.png", 90), grey("2.png", 91), grey("3.png", 92))
    expect(said(page)).to_have_text("3 pictures: 3 not decided.")
    assert busy == 5


def test_a_key_is_asked_for_once_for_all(serve: Serve, open_page: Open) -> None:
    page = open_page(serve(api_keys="s3cret"), holding=True)
    page.locator("#key-cancel").click()
    page.fill("#category", "nut")
    expect(page.locator("#key-dialog")).to_be_visible()  # the part is looked up
    page.locator("#key-cancel").click()
    drop(page, *[grey(f"part-{k}.png", 90 + k) for k in range(6)])
    expect(page.locator("#key-dialog")).to_be_visible()
    while page.locator("#key-dialog").is_visible():
        page.locator("#key-cancel").click()
        page.wait_for_timeout(100)
    expect(said(page)).to_have_text("6 pictures: 6 without an answer.")
    assert sent(page, "POST predict") == 2
    page.get_by_role("button", name="Ask about the other 6").click()
    page.fill("#key", "s3cret")
    page.get_by_role("button", name="Use it").click()
    expect(said(page)).to_have_text("6 pictures: 6 not decided.")


def test_the_list_keeps_its_place_while_answers_come(serve: Serve, open_page: Open) -> None:
    service = serve()
    page = open_page(service, holding=True)
    page.fill("#category", "nut")
    service.detector.gate.clear()
    drop(page, *[grey(f"part-{k}.png", 90 + k) for k in range(4)])
    last = page.get_by_role("button", name="Show part-3.png")
    last.focus()
    service.detector.gate.set()
    expect(said(page)).to_have_text("4 pictures: 4 not decided.")
    expect(page.get_by_role("button", name="Show part-3.png again")).to_be_focused()
