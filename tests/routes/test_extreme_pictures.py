"""Pictures of one pixel, of one line, and of as much as is allowed: answered, or refused clearly.

Nothing of them may hang; the heatmap always has the size that the answer states.
"""

import base64
import io
import time

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from app.images.formats import NAMES
from app.images.tensors import fit_within
from app.settings import Settings
from tests.fakes import INFO
from tests.images.image_bytes import png_file, png_of, tiff_of, zeros_packed
from tests.images.tiff_writer import Storage, tiff_bytes
from tests.pictures import file_of
from tests.routes.conftest import Serve

CAP = Settings().max_heatmap_side
WORK_S = 5  # of all threads together; most take a hundredth of it
SIZES = ((1, 1), (1, 2), (3, 1), (1, 60_000), (60_000, 1), (2, 30_000), (30_000, 2))
LONGEST = {"WEBP": 16_383}
PRESENTATIONS = [
    (heatmap, size) for heatmap in ("overlay", "map", "none") for size in ("input", "model")
]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("kind", NAMES)
def test_an_extreme_shape_is_answered(client: TestClient, kind: str, size: tuple[int, int]) -> None:
    longest = LONGEST.get(kind, 60_000)
    width, height = (min(side, longest) for side in size)
    data = file_of(Image.new("RGB", (width, height), (40, 80, 120)), kind)
    for heatmap, asked in PRESENTATIONS:
        begin = time.process_time()
        answer = client.post(f"/predict?category=nut&heatmap={heatmap}&size={asked}", content=data)
        assert time.process_time() - begin < WORK_S
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert found["image"] == {
            "format": kind,
            "width": width,
            "height": height,
            "first_of_several": False,
        }
        # The whole picture has one colour, and so has the map of what the model saw.
        assert found["score_parts"]["map"] == pytest.approx(80 / 255, abs=0.02)
        if heatmap == "none":
            assert found["heatmap"] is None
            continue
        shown = Image.open(io.BytesIO(base64.b64decode(found["heatmap"]["data"])))
        shown.load()
        wanted = (INFO.side,) * 2 if asked == "model" else fit_within((width, height), CAP)
        assert shown.size == wanted
        assert (found["heatmap"]["width"], found["heatmap"]["height"]) == wanted


@pytest.mark.parametrize("size", [(1, 60_000), (60_000, 1)])
def test_a_line_of_a_calibrated_category_is_answered(
    client: TestClient, size: tuple[int, int]
) -> None:
    client.put("/categories/nut", json={"alpha": 0.5})
    good = file_of(Image.new("RGB", (16, 16), (10, 10, 10)))
    files = [("image", (f"{n}.png", good)) for n in range(3)]
    assert client.post("/categories/nut/calibration", files=files).json()["calibrated"]
    pixels = np.full((size[1], size[0], 3), 10, np.uint8)
    pixels[size[1] // 2 :, size[0] // 2 :] = 250
    answer = client.post("/predict?category=nut", content=file_of(Image.fromarray(pixels))).json()
    assert answer["is_anomalous"] is True
    assert answer["heatmap"]["scale"] == "calibrated"
    (region,) = answer["regions"]
    left, top, right, bottom = region["box"]
    assert (right, bottom) == size
    assert 0 <= left < right
    assert 0 <= top < bottom


REFUSED = {
    "a line of a million and one pixels": lambda: png_file(np.zeros((1, 1_000_001, 1), int), 8, 0),
    "a column of them": lambda: png_file(np.zeros((1_000_001, 1, 1), np.uint8), 8, 0),
    "a line of two thousand million": lambda: png_of(
        [(b"IHDR", b"\x7f\xff\xff\xff\0\0\0\1\x08\0\0\0\0"), (b"IEND", b"")]
    ),
    "large tiles under one pixel": lambda: tiff_of(
        {256: [1], 257: [1], 258: [8], 259: [8], 262: [1], 322: [16_384], 323: [16_384]},
        [zeros_packed(16_384)],
        where=324,
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_beyond_that_it_is_refused_by_its_size(client: TestClient, name: str) -> None:
    answer = client.post("/predict?category=nut", content=REFUSED[name]())
    assert (answer.status_code, answer.json()["type"]) == (
        413,
        "urn:clip-ad:problem:image-too-large",
    )
    assert "expected at most" in answer.json()["detail"]


def test_a_form_that_is_not_supported_is_named(client: TestClient) -> None:
    float64 = tiff_bytes(np.zeros((4, 4, 1)), Storage(64, 3), {262: [1]})
    answer = client.post("/predict?category=nut", content=float64)
    assert (answer.status_code, answer.json()["type"]) == (415, "urn:clip-ad:problem:image-format")
    assert "samples of 64-bit floats" in answer.json()["detail"]


def test_where_nothing_is_visible_nothing_is_judged(client: TestClient) -> None:
    clear = file_of(Image.new("RGBA", (4, 4), (9, 9, 9, 0)), "PNG")
    answer = client.post("/predict?category=nut", content=clear)
    assert (answer.status_code, answer.json()["type"]) == (
        422,
        "urn:clip-ad:problem:nothing-visible",
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "JPEG"])
def test_as_many_pixels_as_are_allowed_are_answered(serve: Serve, kind: str) -> None:
    options = {
        "PNG": {"compress_level": 1},
        "TIFF": {"compression": "tiff_lzw"},
        "JPEG": {"progressive": True},
    }
    mode = "RGB" if kind == "JPEG" else "RGBA"
    image = Image.new(mode, (10_000, 5_000), (40, 80, 120, 255)[: len(mode)])
    data = file_of(image, kind, **options.get(kind, {"lossless": True, "method": 0}))
    begin = time.process_time()
    answer = serve().post("/predict?category=nut", content=data)
    assert time.process_time() - begin < 3 * WORK_S
    assert answer.status_code == 200, answer.text
    assert (answer.json()["heatmap"]["width"], answer.json()["heatmap"]["height"]) == (2048, 1024)
