"""What was asked before may answer after: it must change nothing any more."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.serving import Server
from tests.page.conftest import Open
from tests.page.holding import hold, let_go, sent, wait_until_held
from tests.page.steps import choose, good_pictures, scan, take_sample

pytestmark = pytest.mark.slow


def heat(page: Page) -> str:
    found: str = page.locator("#heat").evaluate("e => e.hidden ? '' : e.src")
    return found


def test_an_old_answer_is_not_laid_over_a_picture_without_a_name(
    demo: Server, open_page: Open
) -> None:
    page = open_page(demo, holding=True)
    page.fill("#category", "wood")
    hold(page, "POST predict")
    choose(page, good_pictures(1)[0])
    wait_until_held(page, "POST predict")
    expect(page.locator("#busy")).to_be_visible()
    page.fill("#category", "")
    choose(page, good_pictures(1, kind="tile")[0])
    expect(page.locator("#verdict")).to_contain_text("Say what is on the picture")
    let_go(page, "POST predict")
    expect(page.locator("#verdict")).to_contain_text("Say what is on the picture")
    expect(page.locator("#busy")).to_be_hidden()
    assert heat(page) == ""
    expect(page.locator("#results tbody tr")).to_have_count(0)


def test_an_old_answer_changes_nothing_while_the_new_picture_is_read(
    demo: Server, open_page: Open
) -> None:
    page = open_page(demo, holding=True)
    page.fill("#category", "sheet")
    hold(page, "POST predict")
    choose(page, scan())  # its answer would take the picture's place
    wait_until_held(page, "POST predict")
    hold(page, "decode")
    choose(page, good_pictures(1)[0])
    wait_until_held(page, "decode")
    let_go(page, "POST predict")
    assert page.locator("#picture").evaluate("e => e.src").startswith("blob:")
    let_go(page, "decode")
    expect(page.locator("#results tbody tr")).to_have_count(1)
    expect(page.locator("#results tbody tr")).to_contain_text("good-0.png")
    expect(page.locator("#opacity")).to_be_enabled()
    assert heat(page)


def test_an_old_result_shown_again_gives_way_to_a_new_picture(
    demo: Server, open_page: Open
) -> None:
    page = open_page(demo, holding=True)
    page.select_option("#method", "sdp_plus")
    take_sample(page, "bamboo mat, good")
    page.select_option("#method", "sdp")
    expect(page.locator("#results tbody tr")).to_have_count(2)
    hold(page, "POST predict")
    page.get_by_role("button", name="tile, good").click()
    wait_until_held(page, "POST predict")
    again = page.get_by_role("button", name="Show bamboo-mat-good.png again")
    again.last.click()
    expect(page.locator(".decision")).to_be_visible()
    expect(page.locator("#busy")).to_be_hidden()  # the question it ended is not under way
    expect(page.locator("#method")).to_have_value("sdp_plus")

    hold(page, "categories/bamboo")
    again.first.click()
    wait_until_held(page, "categories/bamboo")
    take_sample(page, "tile, cracked")
    before = heat(page)
    let_go(page, "categories/bamboo")
    assert heat(page) == before
    expect(page.locator("#verdict")).to_contain_text("Asked as “tile”")
    expect(page.locator("#calibration-state")).to_contain_text("tile: ")


def test_an_old_look_up_does_not_describe_the_new_part(demo: Server, open_page: Open) -> None:
    page = open_page(demo, holding=True)
    hold(page, "categories/slow")
    page.fill("#category", "slow")
    wait_until_held(page, "categories/slow")
    page.fill("#category", "quick")
    expect(page.locator("#calibration-state")).to_contain_text("quick: ")
    let_go(page, "categories/slow")
    expect(page.locator("#calibration-state")).to_contain_text("quick: ")


def test_every_question_is_asked_once(demo: Server, open_page: Open) -> None:
    page = open_page(demo, holding=True)
    take_sample(page, "tile, good")
    assert sent(page, "POST predict") == 1
    page.locator("#category").click()
    page.fill("#category", "floor tile")
    page.keyboard.press("Enter")
    expect(page.locator("#results tbody tr")).to_have_count(2)
    assert sent(page, "POST predict") == 2
    page.fill("#category", "wall tile")
    take_sample(page, "tile, good")
    assert sent(page, "POST predict") == 3
    page.fill("#category", "roof tile")
    page.locator("#search").click()
    expect(page.locator("#results tbody tr").first).to_contain_text("roof tile")
    assert sent(page, "POST predict") == 4


def test_the_sample_clicked_last_is_the_one(demo: Server, open_page: Open) -> None:
    page = open_page(demo, holding=True)
    hold(page, "wood-good")
    page.get_by_role("button", name="wood, good").click()
    wait_until_held(page, "wood-good")
    take_sample(page, "tile, good")
    let_go(page, "wood-good")
    expect(page.locator("#category")).to_have_value("tile")
    assert sent(page, "POST predict") == 1


def test_a_camera_allowed_too_late_is_put_off(demo: Server, open_page: Open) -> None:
    page = open_page(demo, holding=True)
    hold(page, "camera")
    page.get_by_role("button", name="Camera").click()
    wait_until_held(page, "camera")
    page.evaluate(
        """() => {
            const own = MediaStreamTrack.prototype.stop;
            window.ended = 0;
            MediaStreamTrack.prototype.stop = function () { window.ended += 1; own.call(this); };
        }"""
    )
    page.locator("#close-camera").click()
    page.get_by_role("button", name="Camera").click()
    expect(page.locator("#shoot")).to_be_enabled()
    let_go(page, "camera")
    assert page.evaluate("window.ended") == 1
    expect(page.locator("#shoot")).to_be_enabled()
    page.locator("#close-camera").click()
    page.wait_for_function("() => window.ended === 2")
