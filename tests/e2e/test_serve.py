"""The contract from outside: a real model behind `./scripts/serve`, asked with curl."""

import html
import io
import json
import re
import shlex
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from app.rounding import STEP
from tests.e2e.serving import ROOT, Server, tiny_vit
from tests.parity import FOLDER, expected

pytestmark = pytest.mark.slow
PICTURE = FOLDER / "tiny-vit" / "image_0.png"
ANSWER = "\n%{http_code} %{content_type} %header{x-request-id}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("served")
    settings = tiny_vit(folder) | {"CLIPAD_MAX_UPLOAD_BYTES": "1000000", "CLIPAD_MAX_IMAGE": "3"}
    with Server(folder, settings, script=True) as running:
        yield running


def test_json(server: Server) -> None:
    answer = json.loads(
        server.curl("/predict", "-F", f"image=@{PICTURE}", "-F", "category=metal nut")
    )
    wanted = float(expected("tiny-vit")["released.text_prob"][0])
    peak = float(expected("tiny-vit")["released.sdp_map_smooth"][0].max())
    assert answer["score_parts"]["text"] == pytest.approx(wanted, abs=STEP)
    assert answer["score_parts"]["map"] == pytest.approx(peak, abs=STEP)
    assert answer["anomaly_score"] == pytest.approx(wanted + peak, abs=2 * STEP)
    assert (answer["object"], answer["calibrated"]) == ("metal nut", False)
    with Image.open(PICTURE) as picture:
        assert (answer["heatmap"]["width"], answer["heatmap"]["height"]) == picture.size


@pytest.mark.parametrize("number", [0, 1, 2])
def test_npy_equals_the_released_implementation(server: Server, number: int) -> None:
    picture = FOLDER / "tiny-vit" / f"image_{number}.png"
    body = server.curl(
        "/predict",
        *("-H", "Accept: application/x-npy"),
        *("-F", f"image=@{picture}", "-F", "category=metal nut"),
    )
    anomaly = np.load(io.BytesIO(body), allow_pickle=False)
    wanted = expected("tiny-vit")["released.sdp_map_smooth"][number].numpy()
    assert anomaly.dtype == np.float32
    np.testing.assert_allclose(anomaly, wanted, rtol=0, atol=1e-5)


def test_a_raw_body_as_curl_sends_it(server: Server, tmp_path: Path) -> None:
    head = tmp_path / "head"
    body = server.curl(
        "/predict?category=metal_nut&size=model",
        *("-H", "Accept: image/png", "-D", str(head), "--data-binary", f"@{PICTURE}"),
    )
    image = Image.open(io.BytesIO(body))
    assert (image.format, image.size) == ("PNG", (96, 96))
    score = re.search(r"(?im)^x-anomaly-score: (.+)$", head.read_text())
    form = ("-F", f"image=@{PICTURE}", "-F", "category=metal nut")
    alone = json.loads(server.curl("/predict", *form))["anomaly_score"]
    assert score is not None
    assert float(score[1]) == alone


def test_a_batch(server: Server) -> None:
    pictures = [FOLDER / "tiny-vit" / f"image_{number}.png" for number in range(3)]
    parts = [part for picture in pictures for part in ("-F", f"image=@{picture}")]
    entries = json.loads(
        server.curl("/predict/batch", *parts, "-F", f"image=@{__file__}", "-F", "category=carpet")
    )
    alone = [
        json.loads(server.curl("/predict?category=carpet", "--data-binary", f"@{picture}"))
        for picture in pictures
    ]
    for entry, answer in zip(entries, alone, strict=False):
        assert entry["prediction"]["anomaly_score"] == pytest.approx(
            answer["anomaly_score"], abs=2 * STEP
        )
    assert entries[3]["problem"]["status"] == 415


@pytest.mark.parametrize(
    ("path", "arguments", "status"),
    [
        ("/predict", ["-F", f"image=@{PICTURE}"], 422),
        ("/predict", ["-F", f"image=@{__file__}", "-F", "category=a"], 415),
        ("/predict?category=a", ["-H", "Accept: text/html", "--data-binary", f"@{PICTURE}"], 406),
        ("/predict?category=a", ["-F", "image=@large"], 413),
        ("/predict?category=a", ["--data-binary", "@large"], 413),
        ("/predict?category=a", ["-H", "Transfer-Encoding: chunked", "-T", "large"], 405),
        (
            "/predict?category=a",
            ["-X", "POST", "-H", "Transfer-Encoding: chunked", "-T", "large"],
            413,
        ),
        ("/predict?category=a", ["--data-binary", "@cut"], 400),
        ("/predict?category=a&method=sdp_plus", ["--data-binary", f"@{PICTURE}"], 422),
        ("/predict", [], 405),
        ("/nothing", [], 404),
    ],
)
def test_errors(
    server: Server, tmp_path: Path, path: str, arguments: list[str], status: int
) -> None:
    (tmp_path / "large").write_bytes(PICTURE.read_bytes() + bytes(30_000_000))
    (tmp_path / "cut").write_bytes(PICTURE.read_bytes()[:30_000])
    answer = server.curl(path, *arguments, "-w", ANSWER, cwd=tmp_path).decode()
    body, _, line = answer.rpartition("\n")
    problem: dict[str, Any] = json.loads(body)
    assert line == f"{status} application/problem+json {problem['request_id']}"
    assert problem["status"] == status


def test_the_examples_in_the_docs_work(server: Server, tmp_path: Path) -> None:
    for name in ("part.png", "a.png", "b.png"):
        (tmp_path / name).write_bytes(PICTURE.read_bytes())
    document = json.loads(server.curl("/openapi.json"))
    commands = []
    for operation in ("/predict", "/predict/batch"):
        description = html.unescape(document["paths"][operation]["post"]["description"])
        for block in re.findall(r"```sh\n(.+?)```", description, re.DOTALL):
            commands += re.sub(r"\\\n\s*", "", block).strip().splitlines()
    assert len(commands) == 4
    for command in commands:
        words = shlex.split(command.replace("http://127.0.0.1:8000", server.url))
        assert words[0] == "curl"
        done = subprocess.run(
            [*words, "--silent", "--fail"], cwd=tmp_path, check=True, stdout=subprocess.PIPE
        )
        if "-o" not in words:
            assert json.loads(done.stdout)
    with Image.open(tmp_path / "heatmap.png") as heatmap:
        assert heatmap.format == "PNG"


def test_the_log(server: Server) -> None:
    server.curl("/predict?category=logged&part_id=77", "--data-binary", f"@{PICTURE}")
    end = time.monotonic() + 300  # a line is written after its answer has left
    while not re.search(r"POST /predict 200 .* category='logged' part_id='77' score=", server.log):
        assert time.monotonic() < end, server.log
        time.sleep(0.05)
    assert server.log.count("did you mean CLIPAD_MAX_IMAGES?") == 1
    assert "Traceback" not in server.log


def test_without_any_setting_the_demo_is_served(tmp_path: Path) -> None:
    samples = ROOT / "model_weights" / "demo" / "samples"
    with Server(tmp_path, {}) as demo:
        card = json.loads(demo.curl("/model"))
        assert (card["demo"], card["rvs"]) == (True, "dbscan")
        good, hole = (
            json.loads(
                demo.curl("/predict", "-F", f"image=@{samples / name}", "-F", "category=bamboo-mat")
            )
            for name in ("bamboo-mat-good.png", "bamboo-mat-hole.png")
        )
        assert hole["anomaly_score"] > good["anomaly_score"]
        assert hole["model"]["demo"]
        assert demo.log.count("scripts/fetch_weights ViT-B-16-plus-240 laion400m_e31") == 1
