"""8-connected regions of masks: the size of the region that each pixel belongs to.

Knows nothing of scores. Labelling is OpenCV's.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def region_sizes(mask: NDArray[np.bool_]) -> tuple[NDArray[np.uint32], int]:
    """Mask [H,W] -> pixels of each pixel's region, 0 outside, [H,W]; and the number of regions.

    Pixels that touch at an edge or a corner are of one region.
    """
    if not mask.any():
        return np.zeros(mask.shape, np.uint32), 0
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    sizes = np.bincount(labels.ravel(), minlength=count).astype(np.uint32)
    sizes[0] = 0
    return sizes[labels], count - 1
