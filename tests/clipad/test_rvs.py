import logging
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from app.clipad.encoder import TextEncoder
from app.clipad.prompts import prompt_ensemble
from app.clipad.rvs import Rvs, RvsMethod, representative
from app.errors import ConfigurationError
from tests import parity

TOLERANCE = {RvsMethod.MEAN: 1e-5, RvsMethod.PCA: 1e-5}  # the others' data went through fp16


def _cluster(count: int, spread: float, dim: int = 16, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    centre = F.normalize(torch.randn(dim, generator=generator), dim=0)
    return F.normalize(centre + spread * torch.randn(count, dim, generator=generator), dim=-1)


@pytest.mark.parametrize("method", list(RvsMethod))
@pytest.mark.parametrize("name", parity.OBJECTS)
@pytest.mark.parametrize("model", parity.MODELS)
def test_text_vectors_equal_the_released_implementation(
    model: str, name: str, method: RvsMethod
) -> None:
    prompts = prompt_ensemble(name)
    encoder = TextEncoder(parity.backbone(model))
    columns = [
        representative(encoder.encode(p), Rvs(method)) for p in (prompts.normal, prompts.abnormal)
    ]
    torch.testing.assert_close(
        torch.stack(columns, dim=1),
        parity.expected(model)[f"text.{method}.{name}"],
        atol=TOLERANCE.get(method, 1e-3),
        rtol=0,
    )


@pytest.mark.parametrize("method", list(RvsMethod))
def test_the_result_is_a_unit_vector_near_a_tight_cluster(method: RvsMethod) -> None:
    rows = _cluster(40, 0.02)
    chosen = representative(rows, Rvs(method))
    assert chosen.shape == (16,)
    assert chosen.dtype == torch.float32
    assert chosen.norm().item() == pytest.approx(1, abs=1e-6)
    # pca takes each row's mean over channels away, so it may turn a little further.
    assert (chosen @ F.normalize(rows.mean(0), dim=0)).item() > 0.9


def test_pca_maximises_the_summed_squared_products_with_centred_rows() -> None:
    rows = _cluster(30, 0.3)
    centred = rows - rows.mean(1, keepdim=True)
    chosen = representative(rows, Rvs(RvsMethod.PCA))
    best = (centred @ chosen).square().sum()
    others = F.normalize(torch.randn(200, 16, generator=torch.Generator().manual_seed(5)), dim=-1)
    assert (centred @ others.T).square().sum(0).max() <= best
    assert chosen @ rows.mean(0) > 0


def test_kde_weights_rows_by_their_density() -> None:
    rows = _cluster(25, 0.2, dim=6).double()
    squared = torch.cdist(rows, rows).square()
    density = torch.exp(-squared / (2 * 0.3**2)).sum(1)
    expected = F.normalize(density @ rows, dim=0).float()
    torch.testing.assert_close(
        representative(rows, Rvs(RvsMethod.KDE)), expected, atol=1e-5, rtol=0
    )


def test_dbscan_takes_the_mean_of_the_largest_cluster() -> None:
    large, small = _cluster(30, 0.01, seed=1), _cluster(20, 0.01, seed=2)
    chosen = representative(torch.cat([small, large]), Rvs())
    torch.testing.assert_close(chosen, F.normalize(large.mean(0), dim=0), atol=1e-6, rtol=0)


def test_dbscan_with_nothing_but_noise_uses_the_mean_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rows = F.normalize(torch.eye(16), dim=-1)
    with caplog.at_level(logging.WARNING):
        chosen = representative(rows, Rvs())
    assert "finds no cluster among 16 prompts" in caplog.text
    torch.testing.assert_close(chosen, representative(rows, Rvs(RvsMethod.MEAN)))


def test_dbscan_parameters_matter() -> None:
    large, small = _cluster(30, 0.01, seed=1), _cluster(20, 0.01, seed=2)
    rows = torch.cat([small, large])
    wide = representative(rows, Rvs(dbscan_eps=2.5, dbscan_min_samples=25))
    torch.testing.assert_close(wide, representative(rows, Rvs(RvsMethod.MEAN)), atol=1e-6, rtol=0)


def test_labels_tell_settings_apart() -> None:
    choices = [Rvs(method) for method in RvsMethod] + [
        Rvs(dbscan_eps=1.5),
        Rvs(dbscan_min_samples=5),
    ]
    assert len({choice.label for choice in choices}) == len(choices)


def test_rows_survive() -> None:
    rows = _cluster(20, 0.1)
    before = rows.numpy().copy()
    representative(rows, Rvs(RvsMethod.PCA))
    assert np.array_equal(rows.numpy(), before)


@pytest.mark.parametrize(
    "parameters", [(0.0, 15), (-1.0, 15), (math.nan, 15), (math.inf, 15), (1, 0)]
)
def test_parameters_that_dbscan_cannot_use_are_refused(parameters: tuple[float, int]) -> None:
    with pytest.raises(ConfigurationError, match="DBSCAN's"):
        Rvs(RvsMethod.DBSCAN, *parameters)
