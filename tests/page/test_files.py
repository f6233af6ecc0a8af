"""Files as they come from cameras and from strangers."""

import io
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from tests.e2e.serving import Server
from tests.page.conftest import Open
from tests.page.steps import choose, file_of, good_pictures, hand_over

pytestmark = pytest.mark.slow
_ORIENTATION = 0x0112
# The mean colour of the shown picture under the box that is marked.
_UNDER_BOX = """() => {
    const picture = document.querySelector("#picture");
    const points = [...document.querySelector("#marks .box").points];
    const [width, height] = [picture.naturalWidth, picture.naturalHeight];
    const x = Math.min(...points.map((p) => p.x)) * width;
    const y = Math.min(...points.map((p) => p.y)) * height;
    const pen = new OffscreenCanvas(width, height).getContext("2d");
    pen.drawImage(picture, 0, 0);
    return [...pen.getImageData(x + 10, y + 10, 1, 1).data];
}"""


def turned(kind: str, orientation: int) -> dict[str, object]:
    """160 x 80 as it lies, white with a red corner on top at the left."""
    image = Image.new("RGB", (160, 80), "white")
    image.paste("red", (0, 0, 40, 40))
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    buffer = io.BytesIO()
    image.save(buffer, kind, exif=exif, quality=95)
    return file_of(f"turned.{kind.lower()}", buffer.getvalue(), f"image/{kind.lower()}")


def with_region(page: Page, box: list[int]) -> None:
    """Answers as the service gives them, with one region at a known place."""

    def answer(route: Route) -> None:
        response = route.fetch()
        region = {"box": box, "area": 0.1, "score": 1.0, "peak": [0, 0]}
        route.fulfill(response=response, json={**response.json(), "regions": [region]})

    page.route("**/predict?*", answer)


@pytest.mark.parametrize(
    ("kind", "orientation", "size", "box"),
    [
        ("JPEG", 6, [80, 160], [50, 10, 70, 30]),  # by a quarter, to the right
        ("WEBP", 6, [80, 160], [50, 10, 70, 30]),
        ("WEBP", 3, [160, 80], [130, 50, 150, 70]),  # upside down: its size tells nothing
        ("PNG", 3, [160, 80], [130, 50, 150, 70]),
    ],
)
def test_boxes_fit_pictures_turned_by_exif(
    demo: Server, open_page: Open, kind: str, orientation: int, size: list[int], box: list[int]
) -> None:
    page = open_page(demo)
    with_region(page, box)
    page.fill("#category", "flag")
    choose(page, turned(kind, orientation))
    expect(page.locator("#results tbody tr")).to_have_count(1)
    expect(page.locator("#verdict")).to_contain_text(
        f"{size[0]} \N{MULTIPLICATION SIGN} {size[1]} px"
    )
    natural = "e => [e.naturalWidth, e.naturalHeight]"
    assert page.locator("#picture").evaluate(natural) == size
    red, _, blue, _ = page.evaluate(_UNDER_BOX)
    if kind == "WEBP":  # a heatmap lies on it
        assert page.locator("#heat").evaluate("e => e.hidden")
        assert red < 240 or blue < 200  # and below it there is not the white ground
    else:
        assert red > 200 > 90 > blue
        assert page.locator("#heat").evaluate(natural) == size


def test_where_size_shows_that_the_browser_turns_otherwise_the_service_draws(
    demo: Server, open_page: Open
) -> None:
    page = open_page(demo)
    seen: list[str] = []

    def other_size(route: Route) -> None:
        seen.append(route.request.url.partition("heatmap=")[2])
        response = route.fetch()
        image = {**response.json()["image"], "width": 80, "height": 160}
        route.fulfill(response=response, json={**response.json(), "image": image})

    page.route("**/predict?*", other_size)
    page.fill("#category", "flag")
    choose(page, turned("PNG", 1))
    expect(page.locator("#results tbody tr")).to_have_count(1)
    assert seen == ["overlay"]  # which has the picture in it
    assert page.locator("#heat").evaluate("e => e.hidden")
    expect(page.locator("#opacity")).to_be_disabled()


def test_a_name_is_text_and_nothing_else(demo: Server, open_page: Open) -> None:
    page = open_page(demo)
    name = "<img src=x onerror=window.hit=1>.png"
    (good,) = good_pictures(1)
    page.fill("#category", "hostile")
    choose(page, {**good, "name": name})
    expect(page.locator("#results tbody small")).to_have_text(name)
    hand_over(page, "#drop-good", "drop", [file_of(name, b"no picture")])
    expect(page.locator("#calibration-problems li")).to_contain_text(name)
    assert page.locator("#results small img, #calibration-problems img").count() == 0
    assert page.evaluate("window.hit") is None


def test_a_file_that_is_gone(demo: Server, open_page: Open, tmp_path: Path) -> None:
    page = open_page(demo)
    path = tmp_path / "soon-gone.png"
    path.write_bytes(good_pictures(1)[0]["buffer"])  # type: ignore[arg-type]
    page.fill("#category", "wood")
    page.locator("#file").set_input_files(path)
    expect(page.locator("#results tbody tr")).to_have_count(1)
    path.unlink()
    page.locator("#category").press("Enter")
    expect(page.locator(".refusal")).to_contain_text("This file can no longer be read")
    expect(page.get_by_role("button", name="Try again")).to_have_count(0)
