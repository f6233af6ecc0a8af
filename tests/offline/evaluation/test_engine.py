"""A streamed evaluation against the same figures from all maps at once, with a fake detector."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score

from app.clipad.detector import Detection
from app.clipad.prompts import Domain, prompt_ensemble
from app.errors import ConfigurationError, MethodError
from app.images.tensors import to_tensor
from app.offline.datasets import Dataset, Sample, Spelling, load_image, load_mask
from app.offline.evaluation.engine import Options, ensemble_of, evaluate, limited
from app.offline.evaluation.figures import CURVES, Evaluation
from tests.fakes import INFO
from tests.offline.evaluation.sets import tiny_set
from tests.offline.metrics.maps import slow_pro

SIDE = 16


class BrightnessDetector:
    """A picture's map is its brightness (times -1 as `sdp_plus`), its text part 0.5."""

    side, mean, std, info = SIDE, (0.2, 0.3, 0.4), (0.5, 0.6, 0.7), INFO
    methods, default_method = ("sdp", "sdp_plus"), "sdp"

    def __init__(self) -> None:
        self.texts: list[object] = []
        self.batches: list[int] = []
        self.crops = 0

    def text_features(self, name: object) -> torch.Tensor:
        self.texts.append(name)
        return torch.eye(2)

    def detect(self, images: torch.Tensor, text: torch.Tensor, method: str = "sdp") -> Detection:
        assert text.shape == (len(images), 2, 2)
        self.batches.append(len(images))
        maps = images.mean(1) if method == "sdp" else -images.mean(1)
        return self.found(maps)

    def found(self, maps: torch.Tensor) -> Detection:
        text, peaks = torch.full((len(maps),), 0.5), maps.amax((1, 2))
        return Detection(text + peaks, text, peaks, maps)

    def multi_crop_score(
        self, enlarged: torch.Tensor, text: torch.Tensor, plain: torch.Tensor
    ) -> torch.Tensor:
        assert enlarged.shape[2:] == (18, 18)
        self.crops += 1
        return (enlarged.mean((1, 2, 3)) + plain) / 2


def measured(dataset: Dataset, detector: Any = None, **options: Any) -> Evaluation:
    chosen = {"methods": ("sdp",), "batch": 3, "cases": 2, **options}
    return evaluate(dataset, detector or BrightnessDetector(), Options(**chosen))


def brightness(sample: Sample) -> np.ndarray:
    image = to_tensor(load_image(sample), SIDE, BrightnessDetector.mean, BrightnessDetector.std)
    return image.mean(0).numpy()


def test_figures_are_those_of_all_maps_at_once(tmp_path: Path) -> None:
    dataset = tiny_set(tmp_path, ("cable", "metal_nut"))
    (method,) = measured(dataset).methods
    assert [each.object for each in method.objects] == ["cable", "metal_nut"]
    for each in method.objects:
        samples = dataset.of(each.object)
        maps = np.stack([brightness(sample) for sample in samples])
        masks = np.stack([load_mask(sample, SIDE) for sample in samples])
        assert (each.images, each.anomalous) == (7, 4)
        assert each.pixel is not None
        assert each.pixel.auroc == pytest.approx(roc_auc_score(masks.ravel(), maps.ravel()))
        assert each.pixel.ap == pytest.approx(average_precision_score(masks.ravel(), maps.ravel()))
        assert each.pixel.pro == pytest.approx(slow_pro(maps, masks))
        assert each.image is not None
        labels, peaks = [sample.anomalous for sample in samples], maps.max((1, 2))
        assert each.image["raw"].auroc == pytest.approx(roc_auc_score(labels, peaks))
        assert set(each.image) == {"raw", "paper"}
        assert set(each.curves) == set(CURVES)
    first, second = (each.pixel for each in method.objects)
    assert first is not None
    assert second is not None
    assert method.pixel is not None
    assert method.pixel.pro == pytest.approx((first.pro + second.pro) / 2)
    assert method.images == 14
    assert 0 < method.computing_s < method.seconds


def test_scores_are_kept_for_every_image(tmp_path: Path) -> None:
    dataset = tiny_set(tmp_path)
    (method,) = measured(dataset).methods
    scores = method.objects[0].scores
    assert [score.path for score in scores][:4] == [
        *(f"metal_nut/test/good/00{index}.png" for index in range(3)),
        "metal_nut/test/scratch/000.png",
    ]
    peaks = np.array([brightness(sample).max() for sample in dataset.samples])
    assert [score.raw for score in scores] == pytest.approx(list(0.5 + peaks))
    # The text part is the same for all and counts nothing there.
    spread = (peaks - peaks.min()) / (peaks.max() - peaks.min())
    assert [score.paper for score in scores] == pytest.approx(list(spread))
    assert [score.map_auroc is not None for score in scores] == [False] * 3 + [True] * 4


def test_methods_are_compared_on_the_same_images(tmp_path: Path) -> None:
    evaluation = measured(tiny_set(tmp_path), methods=("sdp", "sdp_plus"))
    sdp, plus = evaluation.methods
    assert (sdp.method, plus.method) == ("sdp", "sdp_plus")
    assert sdp.pixel is not None
    assert plus.pixel is not None
    assert sdp.pixel.auroc + plus.pixel.auroc == pytest.approx(1)
    assert sdp.model["fingerprint"] == INFO.fingerprint


def test_multi_crop_is_a_protocol_of_its_own_computed_once_for_all_methods(
    tmp_path: Path,
) -> None:
    dataset, detector = tiny_set(tmp_path), BrightnessDetector()
    evaluation = measured(dataset, detector, methods=("sdp", "sdp_plus"), multi_crop=True)
    assert detector.crops == 3
    mean, std = detector.mean, detector.std
    larger = [to_tensor(load_image(sample), 18, mean, std) for sample in dataset.samples]
    expected = [(float(image.mean()) + 0.5) / 2 for image in larger]
    for method in evaluation.methods:
        assert method.image is not None
        assert set(method.image) == {"raw", "paper", "multi_crop"}
        found = [score.multi_crop for score in method.objects[0].scores]
        assert found == pytest.approx(expected, abs=1e-6)


def test_without_masks_there_are_no_pixel_figures(tmp_path: Path) -> None:
    dataset = tiny_set(tmp_path)
    bare = tuple(replace(sample, mask=None) for sample in dataset.samples)
    (method,) = measured(replace(dataset, samples=bare, has_masks=False)).methods
    (result,) = method.objects
    assert result.pixel is None
    assert method.pixel is None
    assert result.image is not None
    assert set(result.curves) == {"image_roc", "image_pr"}
    assert all(case.mask is None for case in result.cases)


def test_without_good_images_there_are_no_image_figures(tmp_path: Path) -> None:
    (method,) = measured(tiny_set(tmp_path, good=0)).methods
    (result,) = method.objects
    assert result.image is None
    assert method.image is None
    assert result.pixel is not None
    assert {case.chosen_for for case in result.cases} == {"map"}
    assert {case.mistake for case in result.cases} == {None}


def test_cases_show_what_the_model_saw(tmp_path: Path) -> None:
    dataset = tiny_set(tmp_path)
    (method,) = measured(dataset).methods
    cases = method.objects[0].cases
    assert [case.chosen_for for case in cases] == ["score"] * 2 + ["map"] * 2
    for case in cases:
        (sample,) = (s for s in dataset.samples if s.image == dataset.root / case.score.path)
        picture = np.asarray(load_image(sample).resize((SIDE, SIDE), resample=3))
        assert case.thumbnail.dtype == np.uint8
        assert np.array_equal(case.thumbnail, picture)
        assert case.map == pytest.approx(brightness(sample), abs=1e-3)
        assert case.mask is not None
        assert np.array_equal(case.mask, load_mask(sample, SIDE))
    worst = min(score.map_auroc for score in method.objects[0].scores if score.map_auroc)
    assert cases[2].score.map_auroc == worst


def test_only_the_chosen_are_looked_at_again(tmp_path: Path) -> None:
    detector = BrightnessDetector()
    measured(tiny_set(tmp_path), detector, cases=1)
    assert detector.batches == [3, 3, 1, 2]


def test_names_are_words_unless_asked_otherwise(tmp_path: Path) -> None:
    dataset, detector = tiny_set(tmp_path), BrightnessDetector()
    measured(dataset, detector)
    measured(dataset, detector, spelling=Spelling.DATASET)
    assert detector.texts == [prompt_ensemble("metal nut"), prompt_ensemble("metal_nut")]
    skin = replace(dataset, domain=Domain.HEADCT)
    assert ensemble_of(skin, "x", Spelling.WORDS) == prompt_ensemble("x", Domain.HEADCT)


def test_a_limit_is_taken_evenly_from_both_classes(tmp_path: Path) -> None:
    dataset = limited(tiny_set(tmp_path, ("cable", "nut"), good=5, bad=9), 3)
    assert [sample.image.stem for sample in dataset.of("nut")] == [
        *("000", "002", "004"),
        *("000", "004", "008"),
    ]
    assert len(dataset.samples) == 12
    assert len(limited(dataset, 100).samples) == 12


def test_progress_is_told_per_object(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    evaluate(
        tiny_set(tmp_path),
        BrightnessDetector(),  # type: ignore[arg-type]
        Options(batch=4),
        progress=lambda *step: told.append(step),
    )
    assert told == [("metal_nut", 0, 7), ("metal_nut", 4, 7), ("metal_nut", 7, 7)]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_scores_that_are_no_numbers_name_the_image(tmp_path: Path, value: float) -> None:
    class Broken(BrightnessDetector):
        def found(self, maps: torch.Tensor) -> Detection:
            maps[0, 0, 0] = value
            return super().found(maps)

    with pytest.raises(ConfigurationError, match=r"good/000.png: the model's scores are not fin"):
        measured(tiny_set(tmp_path), Broken())


def test_an_unknown_method_is_refused_before_any_image(tmp_path: Path) -> None:
    detector = BrightnessDetector()
    with pytest.raises(MethodError, match="'winclip'"):
        measured(tiny_set(tmp_path), detector, methods=("sdp", "winclip"))
    assert detector.batches == []
