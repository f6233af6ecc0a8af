"""What goes wrong is said in the user's words, and the page goes on."""

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from app.png import encode_rgb
from tests.e2e.serving import Server
from tests.page.conftest import Open, Serve
from tests.page.holding import sent
from tests.page.steps import choose, file_of, good_pictures, shoot, take_sample

pytestmark = pytest.mark.slow


def test_a_picture_that_is_too_large(serve: Serve, open_page: Open, shots: Path) -> None:
    page = open_page(serve(max_upload_bytes=100_000))
    page.fill("#category", "wood")
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    choose(page, file_of("noise.png", encode_rgb(noise)))
    expect(page.locator(".refusal")).to_contain_text("The picture is too large")
    expect(page.locator(".refusal")).to_contain_text("100000")
    shoot(page, shots, "too-large")
    take_sample(page, "tile, good")
    expect(page.locator(".decision")).to_have_text("Not decided")


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("notes.png", b"only words", "This is not a picture the service reads"),
        ("torn.png", b"\x89PNG\r\n\x1a\n" + b"x" * 99, "The file is damaged"),
    ],
)
def test_a_file_that_is_no_picture(
    demo: Server, open_page: Open, name: str, data: bytes, words: str
) -> None:
    page = open_page(demo)
    page.fill("#category", "wood")
    choose(page, file_of(name, data))
    expect(page.locator(".refusal")).to_contain_text(words)
    expect(page.locator("#results tbody tr")).to_have_count(0)


def test_a_name_with_a_slash(demo: Server, open_page: Open) -> None:
    page = open_page(demo)
    page.fill("#category", "nut/bolt")
    choose(page, good_pictures(1)[0])
    expect(page.locator(".refusal")).to_contain_text("The service cannot take this")
    expect(page.locator(".refusal")).to_contain_text("nut/bolt")


@pytest.mark.parametrize("name", ["..", ".", "--"])
def test_a_name_without_a_letter_is_not_looked_up(demo: Server, open_page: Open, name: str) -> None:
    page = open_page(demo, holding=True)
    page.fill("#category", name)
    choose(page, good_pictures(1)[0])
    expect(page.locator("#verdict")).to_contain_text("Say what is on the picture")
    page.locator("#files-good").set_input_files(good_pictures(1))  # type: ignore[arg-type]
    expect(page.locator("#draw")).to_be_disabled()
    page.wait_for_timeout(400)  # longer than the page waits for the next letter
    assert sent(page, "categories/") == sent(page, "POST") == 0


def test_an_answer_that_breaks_off(demo: Server, open_page: Open) -> None:
    page = open_page(demo)
    page.route("**/predict?*", lambda route: route.fulfill(status=200, body='{"decision": '))
    page.get_by_role("button", name="wood, good").click()
    expect(page.locator(".refusal")).to_contain_text("answer is not complete")
    page.unroute("**/predict?*")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#results tbody tr")).to_have_count(1)


def test_a_notice_goes_when_its_cause_has_gone(demo: Server, open_page: Open) -> None:
    page = open_page(demo)
    page.route("**/categories/*", lambda route: route.fulfill(status=500, json={}))
    page.fill("#category", "wood")
    expect(page.locator("#notice")).to_contain_text("The service failed")
    page.unroute("**/categories/*")
    page.fill("#category", "wood two")
    expect(page.locator("#notice")).to_be_hidden()


def test_a_key_is_asked_for_once(
    serve: Serve, open_page: Open, shots: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    page = open_page(serve(api_keys="s3cret,other"))
    expect(page.locator("#key-dialog")).to_be_visible()
    shoot(page, shots, "key")
    page.fill("#key", "schlüssel")  # no header could carry it
    page.get_by_role("button", name="Use it").click()
    expect(page.locator("#key-dialog")).to_be_visible()
    assert page.evaluate("document.querySelector('#key').validity.customError")
    page.fill("#key", "wrong")
    page.get_by_role("button", name="Use it").click()
    expect(page.locator("#key-why")).to_contain_text("does not take this key")
    page.fill("#key", "s3cret")
    page.keyboard.press("Enter")
    expect(page.locator("#key-dialog")).to_be_hidden()
    take_sample(page, "wood, good")
    assert "/predict" in caplog.text
    assert "s3cret" not in caplog.text
    page.reload()
    take_sample(page, "wood, good")
    expect(page.locator("#key-dialog")).to_be_hidden()
    page.get_by_role("button", name="API key").click()
    page.get_by_role("button", name="Use it").click()  # none: the stored one is forgotten
    expect(page.locator("#key-why")).to_contain_text("This service asks for a key")


def test_without_a_key_the_page_says_so(serve: Serve, open_page: Open) -> None:
    page = open_page(serve(api_keys="s3cret"))
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="wood, good").click()
    page.locator("#key-cancel").click()
    expect(page.locator(".refusal")).to_contain_text("The service asks for a key")


def test_a_server_that_dies_and_comes_back(serve: Serve, open_page: Open, shots: Path) -> None:
    service = serve()
    page = open_page(service)
    take_sample(page, "wood, good")
    service.stop()
    choose(page, good_pictures(1)[0])
    expect(page.locator(".refusal")).to_contain_text("The service does not answer")
    shoot(page, shots, "nobody-answers")
    serve(port=service.port)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#results tbody tr")).to_have_count(2)
