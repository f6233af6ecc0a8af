"""The whole way from a folder of pictures to a report, with tiny real models; and every refusal."""

import io
import json
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from app.clipad.runtimes.torch_runtime import TorchRuntime
from app.clipad.rvs import Rvs, RvsMethod
from app.errors import ClipAdError
from app.offline.evaluation.command import Model, Request, run
from app.offline.evaluation.engine import Options
from app.offline.evaluation.figures import Evaluation
from app.offline.evaluation.report import FILES
from tests import parity
from tests.forking import Program
from tests.offline.evaluation.sets import write_set

SCRIPT = Path(__file__).parents[3] / "scripts" / "lib" / "evaluate.py"


def request(tmp_path: Path, model: str = "tiny-vit", **changes: object) -> Request:
    config, weights = parity.files(model)
    described = Model(
        runtime=TorchRuntime(),
        backbone=config,
        weights=weights,
        heads=None,
        device="cpu",
        dtype="float32",
        rvs=Rvs(RvsMethod.MEAN),
        taps=None,
        sigma=None,
        model_dir=tmp_path / "models",
        demo=False,
        stages=None,
    )
    plain = Request(
        "mvtec", tmp_path / "set", None, None, 0, Options(batch=3), described, tmp_path / "out"
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def result(of: Request) -> tuple[Evaluation, str]:
    output = io.StringIO()
    evaluation = run(of, Console(file=output, width=200), Console(file=io.StringIO()))
    return evaluation, output.getvalue()


def test_from_a_folder_to_a_report(tmp_path: Path) -> None:
    write_set(tmp_path / "set", ("carpet", "metal_nut"))
    methods = ("direct", "clip_surgery", "sdp")
    evaluation, shown = result(
        request(tmp_path, options=Options(methods, batch=3, multi_crop=True, cases=2))
    )
    assert [method.method for method in evaluation.methods] == list(methods)
    for method in evaluation.methods:
        assert [each.object for each in method.objects] == ["carpet", "metal_nut"]
        assert method.pixel is not None
        assert method.image is not None
        assert 0 <= method.pixel.pro <= 1
    # The class token is the same to all three; where they look is not.
    texts = [[s.text for s in method.objects[0].scores] for method in evaluation.methods]
    for other in texts[1:]:
        assert other == pytest.approx(texts[0], abs=1e-5)
    assert len({method.pixel.auroc for method in evaluation.methods if method.pixel}) == 3
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(FILES)
    assert evaluation.asked["methods"] == list(methods)
    json.dumps(evaluation.asked)
    for word in ("carpet", "metal_nut", "mean", "report.html"):
        assert word in shown
    assert "demo" not in shown


def test_one_object_a_few_images_one_stage(tmp_path: Path) -> None:
    write_set(tmp_path / "set", ("carpet", "metal_nut"))
    plain = request(tmp_path, objects=["carpet"], limit=2, options=Options(("sdp",)))
    last = replace(plain, model=replace(plain.model, stages=(4,)), check=False)
    (all_stages,) = result(plain)[0].methods
    (one_stage,) = result(last)[0].methods
    for method in (all_stages, one_stage):
        assert [each.object for each in method.objects] == ["carpet"]
        assert (method.objects[0].images, method.objects[0].anomalous) == (4, 2)
    assert one_stage.model["stages"] == (4,)
    assert one_stage.pixel != all_stages.pixel


def refused(of: Request) -> str:
    with pytest.raises(ClipAdError) as caught:
        result(of)
    return str(caught.value)


def test_what_can_be_wrong_is_told_in_one_line(tmp_path: Path) -> None:
    root = write_set(tmp_path / "set")
    plain = request(tmp_path)
    cases = {
        "'winclip': expected one of direct": {"options": Options(("winclip",))},
        "'sdp_plus': needs linear heads": {"options": Options(("sdp", "sdp_plus"))},
        "nowhere": {"root": tmp_path / "nowhere"},
        "sigma nan": {"model": replace(plain.model, sigma=float("nan"))},
        "stages": {"model": replace(plain.model, stages=(7,))},
        "weights": {"model": replace(plain.model, weights="missing.safetensors")},
        "report folder": {"folder": root / "metal_nut" / "test" / "good" / "000.png"},
        "is no ViT": {
            "model": request(tmp_path, "tiny-resnet").model,
            "options": Options(("direct",)),
        },
    }
    for words, changes in cases.items():
        message = refused(replace(plain, **changes))  # type: ignore[arg-type]
        assert words in message
        assert "\n" not in message


def test_a_broken_picture_is_found_before_anything_is_scored(tmp_path: Path) -> None:
    root = write_set(tmp_path / "set")
    (root / "metal_nut" / "test" / "scratch" / "003.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert "003.png" in refused(request(tmp_path))
    assert list((tmp_path / "out").iterdir()) == []


def started(*arguments: str, **environment: str) -> Program:
    return Program([SCRIPT, *arguments], SCRIPT.parent, {**os.environ, **environment})


@pytest.mark.slow
def test_the_command_line_takes_options_and_settings(tmp_path: Path) -> None:
    write_set(tmp_path / "set")
    config, weights = parity.files("tiny-vit")
    process = started(
        *("mvtec", str(tmp_path / "set"), "--out", str(tmp_path / "out"), "--rvs", "mean"),
        *("--backbone", config, "--weights", weights, "--stages", "3", "--stages", "4"),
        CLIPAD_MODEL_DIR=str(tmp_path / "models"),
    )
    output, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    assert "report.html" in output
    figures = json.loads((tmp_path / "out" / "metrics.json").read_text("utf-8"))
    assert figures["asked"]["stages"] == [3, 4]
    assert figures["asked"]["rvs"] == "mean"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--taps", "released"], "is not a folder of objects"),
        (["--backbone", "RN50"], "--backbone and --weights: expected both or neither"),
        (["--method", "winclip"], "method 'winclip': expected one of"),
    ],
)
def test_the_command_line_refuses_in_one_line(
    tmp_path: Path, arguments: list[str], words: str
) -> None:
    process = started("mvtec", str(tmp_path), *arguments)
    output, errors = process.communicate(timeout=600)
    assert process.returncode == 1
    assert output == ""
    assert errors.startswith("error: ")
    assert words in errors
    assert errors.count("\n") == 1


@pytest.mark.slow
def test_ctrl_c_leaves_no_traceback(tmp_path: Path) -> None:
    write_set(tmp_path / "set", good=300, bad=300)
    config, weights = parity.files("tiny-vit")
    process = started(
        *("mvtec", str(tmp_path / "set"), "--out", str(tmp_path / "out"), "--rvs", "mean"),
        *("--backbone", config, "--weights", weights, "--batch", "1", "--no-check"),
        CLIPAD_MODEL_DIR=str(tmp_path / "models"),
    )
    deadline = time.monotonic() + 120
    while not (tmp_path / "out").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=600)
    assert process.returncode == 130
    assert errors.split() == ["stopped"]
    assert output == ""
