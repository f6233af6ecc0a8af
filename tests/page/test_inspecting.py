"""From a picture to an answer, by every way the page offers."""

import io
import json
import re
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.e2e.serving import Server
from tests.page.conftest import Open
from tests.page.steps import (
    calibrate,
    choose,
    good_pictures,
    hand_over,
    scan,
    shoot,
    take_sample,
)

pytestmark = pytest.mark.slow
_PIXELS = """(selector) => {
    const picture = document.querySelector(selector);
    const pen = new OffscreenCanvas(picture.naturalWidth, picture.naturalHeight).getContext("2d");
    pen.drawImage(picture, 0, 0);
    return [...pen.getImageData(0, 0, picture.naturalWidth, picture.naturalHeight).data];
}"""


def test_a_sample_gets_a_score_a_heatmap_and_words(
    demo: Server, open_page: Open, shots: Path
) -> None:
    page = open_page(demo)
    expect(page.locator("#demo")).to_contain_text("trained on generated images")
    shoot(page, shots, "empty")
    take_sample(page, "fabric, stained")
    expect(page.locator("#verdict")).to_contain_text("Not decided")
    sample = Path("model_weights/demo/samples/fabric-stain.png").read_bytes()
    direct = httpx.post(
        f"{demo.url}/predict?category=fabric&heatmap=none", content=sample, trust_env=False
    ).json()
    for value in (direct["anomaly_score"], *direct["score_parts"].values()):
        expect(page.locator("#verdict")).to_contain_text(f"{value:.3f}")
    shown = page.locator("#heat").evaluate("e => [e.naturalWidth, e.naturalHeight, e.hidden]")
    assert shown == [240, 240, False]
    shoot(page, shots, "not-decided")


def test_the_heatmap_is_the_service_s_own(demo: Server, open_page: Open) -> None:
    calibrate(demo, "wood")
    page = open_page(demo)
    take_sample(page, "wood, good")
    sample = Path("model_weights/demo/samples/wood-good.png").read_bytes()
    answer = httpx.post(
        f"{demo.url}/predict?category=wood&heatmap=overlay",
        content=sample,
        headers={"Accept": "image/png"},
        trust_env=False,
    )
    drawn = np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB"))
    picture, heat = (
        np.array(page.evaluate(_PIXELS, selector), np.uint8).reshape(240, 240, 4)[..., :3]
        for selector in ("#picture", "#heat")
    )
    assert np.array_equal(heat, drawn)
    assert page.locator("#heat").evaluate("e => getComputedStyle(e).opacity") == "1"
    # A good part is seen as it is: the colours leave nearly all of it alone.
    assert (heat == picture).all(axis=2).mean() > 0.8
    page.locator("#opacity").fill("0")
    assert page.locator("#heat").evaluate("e => getComputedStyle(e).opacity") == "0"


def test_the_banner_leads_to_how(demo: Server, open_page: Open, shots: Path) -> None:
    page = open_page(demo)
    page.get_by_role("link", name="How").click()
    expect(page.locator("main")).to_contain_text("CLIPAD_BACKBONE=ViT-B-16-plus-240")
    shoot(page, shots, "real-backbone")
    page.get_by_role("link", name="Back").click()
    expect(page.locator("#samples li")).to_have_count(8)


@pytest.mark.parametrize("way", ["choose", "drop", "paste"])
def test_a_picture_of_one_s_own(demo: Server, open_page: Open, way: str) -> None:
    page = open_page(demo)
    (file,) = good_pictures(1, kind="tile")
    page.fill("#category", "tile")
    if way == "choose":
        choose(page, file)
    else:
        hand_over(page, "#drop" if way == "drop" else "body", way, [file])
    expect(page.locator("#results tbody tr")).to_contain_text("good-0.png")


def test_without_a_name_nothing_is_asked(demo: Server, open_page: Open) -> None:
    page = open_page(demo)
    choose(page, good_pictures(1)[0])
    expect(page.locator("#verdict")).to_contain_text("Say what is on the picture")
    assert page.evaluate("document.querySelector('#category').validity.valueMissing")
    page.fill("#category", "wood")
    page.keyboard.press("Enter")
    expect(page.locator("#results tbody tr")).to_have_count(1)


def test_the_camera(demo: Server, open_page: Open, shots: Path) -> None:
    page = open_page(demo)
    page.fill("#category", "test pattern")
    page.get_by_role("button", name="Camera").click()
    expect(page.locator("#shoot")).to_be_enabled()
    shoot(page, shots, "camera")
    page.get_by_role("button", name="Take the picture").click()
    expect(page.locator("#results tbody tr")).to_contain_text("camera.png")
    assert page.evaluate("document.querySelector('#viewfinder').srcObject") is None


def test_a_picture_that_browsers_cannot_show_is_shown_all_the_same(
    demo: Server, open_page: Open
) -> None:
    page = open_page(demo)
    page.fill("#category", "sheet")
    choose(page, scan())
    expect(page.locator("#results tbody tr")).to_contain_text("scan.tif")
    assert page.locator("#picture").evaluate("e => [e.naturalWidth, e.naturalHeight]") == [90, 60]
    expect(page.locator("#opacity")).to_be_disabled()
    take_sample(page, "tile, good")
    expect(page.locator("#opacity")).to_be_enabled()


def test_names_are_suggested(demo: Server, open_page: Open) -> None:
    httpx.put(f"{demo.url}/categories/line%204%20nut", json={}, trust_env=False).raise_for_status()
    page = open_page(demo)
    expect(page.locator("#categories option[value='line 4 nut']")).to_have_count(1)


def test_opacity_and_zoom(demo: Server, open_page: Open, shots: Path) -> None:
    page = open_page(demo)
    take_sample(page, "tile, cracked")
    page.locator("#opacity").fill("0")
    assert page.locator("#heat").evaluate("e => getComputedStyle(e).opacity") == "0"
    page.locator("#opacity").fill("100")
    assert page.locator("#heat").evaluate("e => getComputedStyle(e).opacity") == "1"
    before = page.locator("#sheet").evaluate("e => e.clientWidth")
    for _ in range(2):
        page.get_by_role("button", name="Zoom in").click()
    assert page.locator("#sheet").evaluate("e => e.clientWidth") == pytest.approx(2 * before, abs=2)
    expect(page.locator("#zoom")).to_have_text("200 %")
    shoot(page, shots, "zoomed")
    page.locator("#scroller").focus()
    page.keyboard.press("-")
    expect(page.locator("#zoom")).to_have_text("150 %")


def test_a_calibrated_part_is_passed_or_rejected_in_words(
    demo: Server, open_page: Open, shots: Path
) -> None:
    calibrate(demo, "wood")
    page = open_page(demo)
    expect(page.locator("#method")).to_be_visible()
    page.select_option("#method", "sdp_plus")  # its maps decide, so that there are regions
    take_sample(page, "wood, scratched")
    expect(page.locator(".decision")).to_have_text("Reject")
    expect(page.locator("#verdict")).to_contain_text("None of the 25 good parts scored this high.")
    expect(page.locator("#marks .box")).not_to_have_count(0)
    expect(page.locator(".regions li")).to_have_count(page.locator("#marks .box").count())
    shoot(page, shots, "rejected")
    page.get_by_label("Regions").uncheck()
    expect(page.locator("#marks .box")).to_have_count(0)
    page.get_by_label("Regions").check()
    take_sample(page, "wood, good")
    expect(page.locator(".decision")).to_have_text("Pass")
    shoot(page, shots, "passed")


def test_the_results_are_filtered_shown_again_and_saved(
    demo: Server, open_page: Open, tmp_path: Path
) -> None:
    calibrate(demo, "planks")
    page = open_page(demo)
    page.fill("#category", "planks")
    for file in good_pictures(1, seed=900):
        choose(page, file)
    expect(page.locator("#results tbody tr")).to_have_count(1)
    take_sample(page, "tile, cracked")
    page.select_option("#filter", "undecided")
    expect(page.locator("#results tbody tr")).to_have_count(1)
    expect(page.locator("#results tbody tr")).to_contain_text("tile")
    page.select_option("#filter", "all")
    page.fill("#search", "PLANKS")
    expect(page.locator("#results tbody tr")).to_have_count(1)
    page.get_by_role("button", name="Show good-0.png again").click()
    expect(page.locator("#category")).to_have_value("planks")
    expect(page.locator(".decision")).to_have_text(re.compile("Pass|Reject"))
    page.fill("#search", "")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as CSV").click()
    data = Path(download.value.path()).read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")  # or Excel reads names in another code
    lines = data.decode("utf-8-sig").splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("time,file,category,")
    assert ",tile-crack.png,tile,tile,sdp," in lines[1]
    assert lines[1].split(",")[8] == "undecided"
    assert isinstance(json.loads(lines[2].split(",")[5]), float)


def test_the_p_value_in_words(demo: Server, open_page: Open) -> None:
    page = open_page(demo)
    asked = """async (p) => (await import("/static/js/words.js")).rarity(p)"""
    assert page.evaluate(asked, 1).startswith("Every good part")
    assert page.evaluate(asked, 299 / 300).startswith("Nearly every good part")
    assert "about 99 times in 100" in page.evaluate(asked, 0.99)
    assert "about 0.50 times in 100" in page.evaluate(asked, 0.005)
    asked = """async ([p, n]) => (await import("/static/js/words.js")).rarity(p, n)"""
    assert page.evaluate(asked, [1 / 26, 25]).startswith("None of the 25 good parts")
    assert (
        page.evaluate(asked, [4 / 26, 25]) == "Of the 25 good parts 3 scored this high or higher."
    )
    assert "times in 100" in page.evaluate(asked, [0.3, 25])  # another calibration's
