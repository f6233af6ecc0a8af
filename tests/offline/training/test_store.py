from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from app.errors import ConfigurationError
from app.offline.training.store import BATCH, FeatureStore, Precision

SHAPES = [(9, 5), (4, 7)]  # as of a ResNet: maps of different sizes and widths
SIDE = 10  # 100 bits do not fill bytes
IMAGES = 21
FACTS = {"backbone": "abc", "stages": [1, 2]}


def store(folder: Path, **changes: Any) -> FeatureStore:
    options = {"shapes": SHAPES, "side": SIDE, "images": IMAGES, **changes}
    return FeatureStore(folder, options.pop("facts", FACTS), **options)


def batches(start: int = 0) -> Iterator[tuple[list[torch.Tensor], np.ndarray]]:
    """All batches from row `start` on; each depends on its rows alone."""
    for first in range(start, IMAGES, BATCH):
        rows = range(first, min(first + BATCH, IMAGES))
        generators = [torch.Generator().manual_seed(row) for row in rows]
        yield (
            [
                torch.stack([torch.randn(shape, generator=g) for g in generators])
                for shape in SHAPES
            ],
            np.stack([np.random.default_rng(row).random((SIDE, SIDE)) < 0.3 for row in rows]),
        )


def filled(folder: Path, **changes: Any) -> FeatureStore:
    made = store(folder, **changes)
    for features, masks in batches(made.done):
        made.write(features, masks)
    made.commit()
    return made


@pytest.mark.parametrize("rows", [range(IMAGES), range(5, 9), [20, 0, 7, 7], [3]])
@pytest.mark.parametrize("precision", Precision)
def test_what_is_read_is_what_was_written(
    tmp_path: Path, rows: list[int], precision: Precision
) -> None:
    filled(tmp_path, precision=precision)
    opened = store(tmp_path, precision=precision)
    assert opened.complete
    features, masks = opened.read(np.array(rows))
    everything = list(batches())
    for stage in range(2):
        expected = torch.cat([of[stage] for of, _ in everything])[list(rows)]
        assert features[stage].dtype == torch.float32
        assert torch.equal(features[stage], expected.to(getattr(torch, precision)).float())
    assert np.array_equal(masks.numpy(), np.concatenate([of for _, of in everything])[list(rows)])


def test_only_committed_batches_count_and_the_rest_is_written_again(tmp_path: Path) -> None:
    cut = store(tmp_path)
    parts = list(batches())
    cut.write(*parts[0])
    cut.commit()
    cut.write(*parts[1])
    cut.close()  # as if killed: written, but not committed
    resumed = store(tmp_path)
    assert (resumed.done, resumed.complete) == (BATCH, False)
    with pytest.raises(ConfigurationError, match="8 of 21 images done"):
        resumed.read(np.arange(2))
    filled(tmp_path)
    filled(tmp_path / "undisturbed")
    for name in ("stage-1.raw", "stage-2.raw", "masks.bits"):
        whole = (tmp_path / "undisturbed" / name).read_bytes()
        assert (tmp_path / name).read_bytes() == whole


def test_images_of_a_lost_file_are_not_done(tmp_path: Path) -> None:
    filled(tmp_path)
    path = tmp_path / "stage-2.raw"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert store(tmp_path).done == BATCH  # 10 rows are left: one whole batch
    path.unlink()
    assert store(tmp_path).done == 0
    filled(tmp_path)
    assert path.read_bytes() == whole


def test_features_of_something_else_are_refused_or_made_anew(tmp_path: Path) -> None:
    filled(tmp_path)
    other = {**FACTS, "backbone": "xyz"}
    with pytest.raises(ConfigurationError, match="backbone was abc, now xyz; --fresh"):
        store(tmp_path, facts=other)
    with pytest.raises(ConfigurationError, match="precision was float16, now float32"):
        store(tmp_path, precision=Precision.FLOAT32)
    with pytest.raises(ConfigurationError, match="images was 21, now 22"):
        store(tmp_path, images=22)
    anew = store(tmp_path, facts=other, fresh=True)
    assert (anew.done, anew.begun) == (0, False)
    assert not list(tmp_path.iterdir())
    assert filled(tmp_path, fresh=True).complete
    assert store(tmp_path, fresh=True).complete  # fresh keeps what fits


def test_an_unreadable_index_is_said(tmp_path: Path) -> None:
    filled(tmp_path)
    (tmp_path / "index.json").write_text("{")
    with pytest.raises(ConfigurationError, match=r"index\.json: not readable"):
        store(tmp_path)


def test_room_is_checked_before_anything_is_written(tmp_path: Path) -> None:
    size = IMAGES * ((9 * 5 + 4 * 7) * 2 + 13)
    assert store(tmp_path).bytes == size
    assert filled(tmp_path / "x").bytes == sum(
        (tmp_path / "x" / name).stat().st_size
        for name in ("stage-1.raw", "stage-2.raw", "masks.bits")
    )
    with pytest.raises(ConfigurationError, match=r"need 150\.\d+ GiB, allowed are 64 GiB"):
        store(tmp_path / "y", images=10**9 * 150 // 148, limit_gib=64)
    with pytest.raises(ConfigurationError, match=r"GiB more, .* has .* GiB free"):
        store(tmp_path / "y", images=10**14)
    assert not (tmp_path / "y").exists()


def test_values_beyond_the_format_are_an_error_not_infinity(tmp_path: Path) -> None:
    (features, masks), *_ = batches()
    features[1][3, 2, 1] = -70_000
    half, full, nan = (
        store(tmp_path / name, precision=precision)
        for name, precision in (
            ("half", Precision.FLOAT16),
            ("full", Precision.FLOAT32),
            ("nan", Precision.FLOAT32),
        )
    )
    expected = r"file 2 reach 70000, float16 holds 65504: use --precision float32"
    with closing(half), pytest.raises(ConfigurationError, match=expected):
        half.write(features, masks)
    with closing(full):
        full.write(features, masks)
    features[1][0, 0, 0] = torch.nan
    with closing(nan), pytest.raises(ConfigurationError, match="not finite"):
        nan.write(features, masks)
