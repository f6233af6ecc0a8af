"""What a user does on the page, in one line each."""

import base64
import io
from pathlib import Path

import httpx
import numpy as np
from PIL import Image
from playwright.sync_api import Page, expect

from app.offline.synthetic import Split, generate_pair
from app.png import encode_rgb
from tests.e2e.serving import Server


def good_pictures(count: int, kind: str = "wood", seed: int = 500) -> list[dict[str, object]]:
    """So many generated good pictures, as Playwright takes files."""
    return [
        file_of(f"good-{k}.png", encode_rgb(generate_pair(kind, seed + k, Split.TRAINING).good))
        for k in range(count)
    ]


def file_of(name: str, data: bytes, kind: str = "image/png") -> dict[str, object]:
    return {"name": name, "mimeType": kind, "buffer": data}


def grey(name: str, level: int, side: int = 32) -> dict[str, object]:
    """A picture of one grey: by the fake model it scores level / 255 more than the part's name."""
    return file_of(name, encode_rgb(np.full((side, side, 3), level, np.uint8)))


def posted(files: list[dict[str, object]]) -> list[tuple[str, tuple[str, object]]]:
    """The same for httpx, as parts of a form."""
    return [("image", (str(f["name"]), f["buffer"])) for f in files]


def scan() -> dict[str, object]:
    """A picture that browsers cannot show."""
    buffer = io.BytesIO()
    Image.fromarray(np.full((60, 90), 40_000, np.uint16)).save(buffer, "TIFF")
    return file_of("scan.tif", buffer.getvalue(), "image/tiff")


def take_sample(page: Page, name: str) -> None:
    """Click a sample and wait for its answer."""
    rows = page.locator("#results tbody tr").count()
    page.get_by_role("button", name=name).click()
    expect(page.locator("#results tbody tr")).to_have_count(rows + 1)


def choose(page: Page, *files: dict[str, object]) -> None:
    page.locator("#file").set_input_files(list(files))  # type: ignore[arg-type]


def hand_over(page: Page, selector: str, kind: str, files: list[dict[str, object]]) -> None:
    """Drop files on an element, or paste them into the page."""
    page.evaluate(
        """([selector, kind, files]) => {
            const data = new DataTransfer();
            for (const [name, mime, text] of files) {
                const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
                data.items.add(new File([bytes], name, { type: mime }));
            }
            const event = kind === "paste"
                ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true })
                : new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
            document.querySelector(selector).dispatchEvent(event);
        }""",
        [selector, kind, [[f["name"], f["mimeType"], _text(f["buffer"])] for f in files]],
    )


def calibrate(server: Server, category: str, count: int = 25) -> None:
    """By the API, if it is not so yet: what the page then has to say of it."""
    files = posted(good_pictures(count))
    with httpx.Client(base_url=server.url, trust_env=False, timeout=600) as http:
        view = http.put(f"/categories/{category}", json={}).raise_for_status().json()
        if view["calibrations"][0]["n"] == count:
            return
        http.delete(f"/categories/{category}/calibration").raise_for_status()
        for start in range(0, count, 5):
            answer = http.post(
                f"/categories/{category}/calibration",
                files=files[start : start + 5],  # type: ignore[arg-type]
            )
            answer.raise_for_status()
    assert answer.json()["calibrated"]


def shoot(page: Page, shots: Path, name: str) -> None:
    page.screenshot(path=shots / f"{name}.png", full_page=True)


def _text(data: object) -> str:
    assert isinstance(data, bytes)
    return base64.b64encode(data).decode()
