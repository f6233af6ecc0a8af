"""Linear heads from outside: a published file served with its taps, a wrong one refused."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from app.offline.bench.process import free_port
from app.rounding import STEP
from tests.clipad.test_heads import parity_heads
from tests.e2e.serving import Server, environment, tiny_vit
from tests.forking import run
from tests.parity import FOLDER, expected

pytestmark = pytest.mark.slow


def with_heads(folder: Path, model: str) -> dict[str, str]:
    """Settings for the small ViT with a `.pth` file of the heads of a parity model."""
    torch.save({"linear_layers": parity_heads(model, "head").state_dict()}, folder / "visa.pth")
    settings = tiny_vit(folder) | {"CLIPAD_HEADS": "visa.pth"}
    del settings["CLIPAD_TAPS"]  # such heads bring theirs
    return settings


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("served")
    with Server(folder, with_heads(folder, "tiny-vit")) as running:
        yield running


def test_the_model_card_names_the_heads(server: Server) -> None:
    card = json.loads(server.curl("/model"))
    assert card["methods"] == ["sdp", "sdp_plus"]
    assert card["default_method"] == "sdp"
    assert card["taps"] == "released"
    assert len(card["heads_sha256"]) == 64


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize(("method", "key"), [("sdp", "sdp_map"), ("sdp_plus", "plus_map")])
def test_both_methods_equal_the_released_implementation(
    server: Server, number: int, method: str, key: str
) -> None:
    body = server.curl(
        "/predict",
        *("-H", "Accept: application/x-npy", "-F", f"method={method}"),
        *("-F", f"image=@{FOLDER / 'tiny-vit' / f'image_{number}.png'}"),
        *("-F", "category=metal nut"),
    )
    anomaly = np.load(io.BytesIO(body), allow_pickle=False)
    wanted = expected("tiny-vit")[f"released.{key}_smooth"][number].numpy()
    np.testing.assert_allclose(anomaly, wanted, rtol=0, atol=5e-5)


def test_the_answer_of_sdp_plus(server: Server) -> None:
    picture = FOLDER / "tiny-vit" / "image_0.png"
    answer = json.loads(
        server.curl("/predict?category=metal_nut&method=sdp_plus", "--data-binary", f"@{picture}")
    )
    peak = float(expected("tiny-vit")["released.plus_map_smooth"][0].max())
    assert answer["method"] == "sdp_plus"
    assert answer["score_parts"]["map"] == pytest.approx(peak, abs=STEP)
    assert answer["model"]["heads_sha256"]


def test_heads_of_another_width_stop_the_start_with_one_line(tmp_path: Path) -> None:
    words = ["-m", "app", "--port", str(free_port())]
    settings = environment(with_heads(tmp_path, "tiny-resnet"))
    done = run(words, tmp_path, settings, timeout=180)
    (line,) = done.stderr.splitlines()
    assert line.startswith("clip-ad: cannot start: heads visa.pth: fc.")
    assert "(width 64, embedding 32)" in line
    assert done.returncode == 1
