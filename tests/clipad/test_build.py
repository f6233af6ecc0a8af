from pathlib import Path

import pytest
import torch

from app.clipad.backbone import load_backbone
from app.clipad.build import build_detector, resolve_device, resolve_dtype
from app.clipad.detector import AnomalyDetector
from app.clipad.rvs import Rvs, RvsMethod
from app.errors import ConfigurationError, HeadsError
from tests import parity

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


def test_heads_are_refused_until_they_can_be_loaded(tmp_path: Path) -> None:
    config, weights = parity.files("tiny-vit")
    with pytest.raises(HeadsError, match="cannot be loaded"):
        build_detector(backbone=config, weights=weights, heads="heads.pt", model_dir=tmp_path)


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
