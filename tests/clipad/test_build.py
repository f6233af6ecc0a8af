from dataclasses import replace
from pathlib import Path

import pytest
import torch

from app.clipad.backbone import load_backbone
from app.clipad.build import build_detector, resolve_device, resolve_dtype
from app.clipad.checkpoint import file_sha256
from app.clipad.choices import Taps
from app.clipad.detector import AnomalyDetector
from app.clipad.heads_file import save_heads
from app.clipad.rvs import Rvs, RvsMethod
from app.errors import ConfigurationError, HeadsError
from tests import parity
from tests.clipad.test_heads import parity_heads
from tests.clipad.test_heads_file import notes_for

MEAN = Rvs(RvsMethod.MEAN)


def _reference() -> AnomalyDetector:
    return AnomalyDetector(parity.backbone("tiny-vit"), rvs=MEAN, sigma=2)


def test_building_by_path_equals_building_by_hand(tmp_path: Path) -> None:
    config, weights = parity.files("tiny-vit")
    built = build_detector(backbone=config, weights=weights, rvs=MEAN, model_dir=tmp_path)
    assert built.info == AnomalyDetector(parity.backbone("tiny-vit"), rvs=MEAN).info
    assert (tmp_path / "text_features").exists() is False
    built.text_features("nut")
    assert len(list((tmp_path / "text_features").iterdir())) == 1


@pytest.mark.parametrize("taps", ["equation", "released"])
def test_heads_bring_their_taps_and_their_method(tmp_path: Path, taps: str) -> None:
    config, weights = parity.files("tiny-vit")
    file = tmp_path / "heads.safetensors"
    notes = replace(notes_for("tiny-vit"), taps=Taps(taps), recommended="sdp_plus")
    save_heads(file, parity_heads("tiny-vit", "head"), notes)
    with_heads = {"backbone": config, "weights": weights, "heads": str(file), "rvs": MEAN}
    built = build_detector(**with_heads, model_dir=tmp_path, sigma=2)  # type: ignore[arg-type]
    assert built.info.taps == taps
    assert built.methods == ("sdp", "sdp_plus")
    assert built.default_method == "sdp_plus"
    assert built.info.heads_sha256 == file_sha256(file)
    expected = parity.expected("tiny-vit")
    found = built.predict(expected["pixels"], ["metal nut"] * 3, "sdp_plus")
    torch.testing.assert_close(found.maps, expected[f"{taps}.plus_map_smooth"], atol=5e-5, rtol=0)
    other = "released" if taps == "equation" else "equation"
    with pytest.raises(HeadsError, match=f"trained with taps {taps}, not {other}"):
        build_detector(**with_heads, model_dir=tmp_path, taps=other)  # type: ignore[arg-type]
    with pytest.raises(HeadsError, match=r"trained with stages \(1, 2, 3, 4\), not \(1, 2\)"):
        build_detector(**with_heads, model_dir=tmp_path, stages=(1, 2))  # type: ignore[arg-type]


def test_devices_and_dtypes_are_checked() -> None:
    assert resolve_device("cpu") == torch.device("cpu")
    assert resolve_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert resolve_dtype("auto") is resolve_dtype("float32") is torch.float32
    for device in ("gpu", "meta", f"cuda:{torch.cuda.device_count()}"):
        with pytest.raises(ConfigurationError, match=f"device '{device}'"):
            resolve_device(device)
    with pytest.raises(ConfigurationError, match="dtype 'half'"):
        resolve_dtype("half")


def test_bfloat16_stays_close_to_float32() -> None:
    config, weights = parity.files("tiny-vit")
    low = AnomalyDetector(load_backbone(config, weights, dtype=torch.bfloat16), rvs=MEAN, sigma=2)
    pixels = parity.expected("tiny-vit")["pixels"]
    detection = low.predict(pixels, ["metal nut"] * 3)
    reference = _reference().predict(pixels, ["metal nut"] * 3)
    assert detection.maps.dtype == torch.float32
    spread = reference.maps.std()
    assert (detection.maps - reference.maps).abs().mean() < 0.1 * spread
    assert low.info.fingerprint != _reference().info.fingerprint
