"""Representative vector selection: many prompt embeddings -> one vector (Eq. 2, 3, 16-22).

Knows nothing of prompts or encoders. Clustering and density estimation are scikit-learn's.
"""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.cluster import DBSCAN, MeanShift
from sklearn.neighbors import KernelDensity
from torch import Tensor

from app.clipad.choices import RvsMethod
from app.errors import ConfigurationError

_KDE_BANDWIDTH = 0.3
_MEAN_SHIFT_BANDWIDTH = 2.0

_log = logging.getLogger(__name__)
_Rows = np.ndarray[tuple[int, int], np.dtype[np.float64]]
_Vector = np.ndarray[tuple[int], np.dtype[np.float64]]


@dataclass(frozen=True)
class Rvs:
    """A method with its parameters; those of DBSCAN count for DBSCAN alone."""

    method: RvsMethod = RvsMethod.DBSCAN
    dbscan_eps: float = 0.5
    dbscan_min_samples: int = 15

    def __post_init__(self) -> None:
        """Raise ConfigurationError for parameters that DBSCAN cannot use."""
        if not 0 < self.dbscan_eps < math.inf:
            raise ConfigurationError(f"DBSCAN's eps {self.dbscan_eps}: expected a number above 0")
        if self.dbscan_min_samples < 1:
            raise ConfigurationError(
                f"DBSCAN's min_samples {self.dbscan_min_samples}: expected at least 1"
            )

    @property
    def label(self) -> str:
        """Everything that moves the result, as one short string."""
        if self.method is RvsMethod.DBSCAN:
            return f"dbscan(eps={self.dbscan_eps!r},min_samples={self.dbscan_min_samples})"
        return str(self.method)


def representative(embeddings: Tensor, rvs: Rvs) -> Tensor:
    """One unit vector [D] for unit rows [N,D]; computed in float64, returned as float32."""
    rows = embeddings.detach().cpu().double().numpy()
    chosen = _METHODS[rvs.method](rows, rvs)
    return F.normalize(torch.from_numpy(chosen), dim=0).float()


def _mean(rows: _Rows, _: Rvs) -> _Vector:
    return np.asarray(rows.mean(0))


def _pca(rows: _Rows, _: Rvs) -> _Vector:
    # Each prompt is centred over its own channels. Centring over the prompts instead would give
    # the direction in which they differ most, not the one they share.
    centred = rows - rows.mean(1, keepdims=True)
    direction = np.linalg.svd(centred, full_matrices=False)[2][0]
    return np.asarray(direction * np.sign(direction @ rows.mean(0)))


def _kde(rows: _Rows, _: Rvs) -> _Vector:
    density = KernelDensity(kernel="gaussian", bandwidth=_KDE_BANDWIDTH).fit(rows)
    log_weights = density.score_samples(rows)
    # In D dimensions the densities overflow a float; a common factor does not matter.
    return np.asarray(np.exp(log_weights - log_weights.max()) @ rows)


def _dbscan(rows: _Rows, rvs: Rvs) -> _Vector:
    labels = DBSCAN(eps=rvs.dbscan_eps, min_samples=rvs.dbscan_min_samples).fit_predict(rows)
    if (labels < 0).all():
        _log.warning("%s finds no cluster among %d prompts: using their mean", rvs.label, len(rows))
        return _mean(rows, rvs)
    return _largest_cluster_mean(rows, labels)


def _mean_shift(rows: _Rows, _: Rvs) -> _Vector:
    return _largest_cluster_mean(rows, MeanShift(bandwidth=_MEAN_SHIFT_BANDWIDTH).fit_predict(rows))


def _largest_cluster_mean(rows: _Rows, labels: np.ndarray) -> _Vector:
    largest = np.bincount(labels[labels >= 0]).argmax()
    return np.asarray(rows[labels == largest].mean(0))


_METHODS: dict[RvsMethod, Callable[[_Rows, Rvs], _Vector]] = {
    RvsMethod.MEAN: _mean,
    RvsMethod.PCA: _pca,
    RvsMethod.KDE: _kde,
    RvsMethod.DBSCAN: _dbscan,
    RvsMethod.MEAN_SHIFT: _mean_shift,
}
