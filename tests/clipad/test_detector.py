from dataclasses import replace
from pathlib import Path

import pytest
import torch
from scipy.ndimage import gaussian_filter

from app.clipad.choices import Taps
from app.clipad.detector import AnomalyDetector
from app.clipad.heads_file import HeadsFile
from app.clipad.multicrop import crop_ten, enlarged_side
from app.clipad.rvs import Rvs, RvsMethod
from app.errors import MethodError, ObjectNameError
from tests import parity
from tests.clipad.models import random_images
from tests.clipad.test_heads import parity_heads
from tests.clipad.test_heads_file import notes_for

MEAN = Rvs(RvsMethod.MEAN)


def _detector(model: str = "tiny-vit", **options: object) -> AnomalyDetector:
    return AnomalyDetector(parity.backbone(model), rvs=MEAN, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("model", "taps"), [(model, taps) for model in parity.MODELS for taps in parity.taps_of(model)]
)
def test_predictions_equal_the_released_implementation(model: str, taps: str) -> None:
    expected = parity.expected(model)
    detection = _detector(model, taps=taps, sigma=2).predict(expected["pixels"], ["metal nut"] * 3)
    torch.testing.assert_close(
        detection.maps, expected[f"{taps}.sdp_map_smooth"], atol=1e-5, rtol=0
    )
    torch.testing.assert_close(
        detection.text_score, expected[f"{taps}.text_prob"], atol=1e-5, rtol=0
    )
    torch.testing.assert_close(detection.map_score, detection.maps.amax((1, 2)))
    torch.testing.assert_close(detection.score, detection.text_score + detection.map_score)


@pytest.mark.parametrize(
    ("model", "taps"), [(model, taps) for model in parity.MODELS for taps in parity.taps_of(model)]
)
def test_sdp_plus_equals_the_released_implementation(model: str, taps: str) -> None:
    expected = parity.expected(model)
    notes = replace(notes_for(model), taps=Taps(taps))
    heads = HeadsFile(Path("heads"), parity_heads(model, "head"), notes, "h" * 64)
    detector = _detector(model, taps=taps, sigma=2, heads=heads)
    assert detector.methods == ("sdp", "sdp_plus")
    assert detector.default_method == "sdp"
    found = detector.predict(expected["pixels"], ["metal nut"] * 3, "sdp_plus")
    torch.testing.assert_close(found.maps, expected[f"{taps}.plus_map_smooth"], atol=5e-5, rtol=0)
    torch.testing.assert_close(found.text_score, expected[f"{taps}.text_prob"], atol=1e-5, rtol=0)
    plain = detector.predict(expected["pixels"], ["metal nut"] * 3)
    torch.testing.assert_close(plain.maps, expected[f"{taps}.sdp_map_smooth"], atol=1e-5, rtol=0)
    assert detector.info.heads_sha256 == "h" * 64
    assert detector.info.fingerprint != _detector(model, taps=taps, sigma=2).info.fingerprint


def test_sigma_scales_with_the_side_unless_it_is_given() -> None:
    assert _detector().info.sigma == pytest.approx(8 * 96 / 240)
    pixels = parity.expected("tiny-vit")["pixels"]
    raw = _detector(sigma=0).predict(pixels, ["carpet"] * 3).maps
    smoothed = _detector().predict(pixels, ["carpet"] * 3).maps
    for plain, wanted in zip(raw, smoothed, strict=True):
        filtered = torch.from_numpy(gaussian_filter(plain.numpy(), 3.2))
        torch.testing.assert_close(filtered, wanted, atol=1e-6, rtol=0)


def test_an_image_scores_the_same_alone_and_among_other_names() -> None:
    detector, images = _detector(), random_images(4, 96)
    names = ["nut", "carpet", "nut", "wooden board"]
    together = detector.predict(images, names)
    for index, name in enumerate(names):
        alone = detector.predict(images[index : index + 1], [name])
        torch.testing.assert_close(alone.score[0], together.score[index], atol=1e-5, rtol=0)
        torch.testing.assert_close(alone.maps[0], together.maps[index], atol=1e-5, rtol=0)


def test_multi_crop_averages_ten_crops_with_the_plain_score() -> None:
    detector = _detector()
    enlarged = random_images(2, enlarged_side(96))
    text = detector.text_features("nut").expand(2, -1, -1)
    plain = torch.tensor([0.25, 0.75])
    scores = [detector.detect(crop, text).text_score for crop in crop_ten(enlarged, 96)]
    expected = (torch.stack(scores).mean(0) + plain) / 2
    torch.testing.assert_close(detector.multi_crop_score(enlarged, text, plain), expected)


def test_text_features_are_kept_where_asked(tmp_path: Path) -> None:
    detector = _detector(text_directory=tmp_path)
    assert not detector.has_text("nut")
    assert detector.peek_text("nut") is None
    features = detector.text_features("nut")
    assert detector.has_text("nut")
    assert detector.peek_text("nut") is features
    assert len(list(tmp_path.iterdir())) == 1
    assert _detector(text_directory=tmp_path).has_text("nut")


def test_stages_select_which_maps_are_summed() -> None:
    pixels = parity.expected("tiny-vit")["pixels"]
    whole = _detector(sigma=0, stages=None).predict(pixels, ["nut"] * 3).maps
    single = [
        _detector(sigma=0, stages=(s,)).predict(pixels, ["nut"] * 3).maps for s in (1, 2, 3, 4)
    ]
    torch.testing.assert_close(sum(single), whole, atol=1e-5, rtol=0)


def test_the_fingerprint_moves_with_everything_that_moves_a_score() -> None:
    fingerprints = {
        _detector().info.fingerprint,
        _detector("tiny-resnet").info.fingerprint,
        _detector(taps="released").info.fingerprint,
        _detector(sigma=1).info.fingerprint,
        _detector(stages=(1, 2)).info.fingerprint,
        AnomalyDetector(parity.backbone("tiny-vit"), rvs=Rvs()).info.fingerprint,
        AnomalyDetector(parity.backbone("tiny-vit"), rvs=Rvs(dbscan_eps=0.7)).info.fingerprint,
        # A category may choose DBSCAN where the service does not.
        AnomalyDetector(
            parity.backbone("tiny-vit"), rvs=Rvs(RvsMethod.MEAN, dbscan_eps=0.7)
        ).info.fingerprint,
    }
    assert len(fingerprints) == 8
    assert _detector(demo=True).info.fingerprint == _detector().info.fingerprint


def test_an_unknown_method_is_refused() -> None:
    detector = _detector()
    text = detector.text_features("nut")[None]
    with pytest.raises(MethodError, match="'sdp_plus': expected one of sdp"):
        detector.detect(random_images(1, 96), text, "sdp_plus")


def test_a_name_beyond_clips_context_is_refused() -> None:
    with pytest.raises(ObjectNameError, match="context"):
        _detector().text_features("a " * 75)


def test_map_values_and_scores_are_finite_on_constant_images() -> None:
    detection = _detector().predict(torch.zeros(1, 3, 96, 96), ["nut"])
    assert torch.isfinite(detection.maps).all()
    assert 0 <= detection.text_score.item() <= 1
