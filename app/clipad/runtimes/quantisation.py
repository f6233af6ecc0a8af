"""Post-training quantisation of an encoder to int8 by NNCF.

Weights and activations of the layers become int8, with the ranges that pictures show; norms,
softmax and what else is sensitive stay float32, and what comes behind the encoder (maps, scores)
is outside. Equal pictures give an equal model, to the last bit.
"""

import io
import logging
from collections.abc import Iterable
from contextlib import redirect_stdout
from importlib.metadata import version
from typing import TYPE_CHECKING

from torch import Tensor

if TYPE_CHECKING:
    import openvino

# NNCF's defaults, ranges by means and an alpha of 0.95, cut outliers off: the demo's scores then
# move eight times as far (docs/benchmarks.md).
_SMOOTH_QUANT_ALPHA = 0.5
_log = logging.getLogger(__name__)


def quantise(model: "openvino.Model", images: Iterable[Tensor]) -> "openvino.Model":
    """A float32 model and preprocessed images [1,3,S,S] -> its int8 one; takes up to a minute."""
    import nncf
    from nncf.quantization.advanced_parameters import (
        AdvancedQuantizationParameters,
        AdvancedSmoothQuantParameters,
    )
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet

    _log.info("quantising the encoder to int8; this happens once")
    nncf.set_log_level(logging.ERROR)
    data = [image.numpy() for image in images]
    with redirect_stdout(io.StringIO()):  # progress bars
        return nncf.quantize(
            model,
            nncf.Dataset(data),
            model_type=nncf.ModelType.TRANSFORMER,
            subset_size=len(data),
            advanced_parameters=AdvancedQuantizationParameters(
                disable_bias_correction=True,  # it takes half of the time and changes nothing
                activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX,
                smooth_quant_alphas=AdvancedSmoothQuantParameters(matmul=_SMOOTH_QUANT_ALPHA),
            ),
        )


def quantiser() -> str:
    """What else decides what a quantised model is."""
    options = f"minmax, uncorrected, alpha {_SMOOTH_QUANT_ALPHA}"
    return f"openvino {version('openvino')}, nncf {version('nncf')}, {options}"
