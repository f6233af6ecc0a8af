"""Where the pictures come from, each source with a digest of what it delivers.

Knows nothing of what the tensors are for.
"""

import hashlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from PIL import Image
from torch import Tensor

from app.errors import ConfigurationError, InputError
from app.folders import listed
from app.images.reading import ImageLimits, decode_image
from app.images.tensors import to_tensor
from app.pictures.surfaces import generated_picture

COUNT = 64
"""Pictures delivered, at most."""

_UNLIMITED = ImageLimits(max_bytes=2**40, max_pixels=2**40)  # the operator's own files


class GeneratedPictures:
    """Surfaces drawn from the seeds 0 to COUNT - 1."""

    digest = f"generated {COUNT}"

    def tensors(self, side: int, mean: Sequence[float], std: Sequence[float]) -> Iterator[Tensor]:
        """Preprocessed pictures [1,3,S,S]."""
        for seed in range(COUNT):
            picture = Image.fromarray(generated_picture(seed, side))
            yield to_tensor(picture, side, mean, std)[None]


class FolderPictures:
    """The files of a folder, spread evenly over their names where there are more than COUNT.

    Litter is left out (`app.folders`); what else is no picture is refused by name.
    Raises ConfigurationError for a folder that cannot be read or holds none.
    """

    def __init__(self, folder: Path) -> None:
        try:
            found = [path for path in listed(folder) if path.is_file()]
        except OSError as error:
            raise ConfigurationError(
                f"pictures {str(folder)!r} to quantise with: cannot be read "
                f"({type(error).__name__}); expected a folder of images"
            ) from error
        if not found:
            raise ConfigurationError(
                f"pictures {str(folder)!r} to quantise with: there are none in this folder"
            )
        self._files = found[:: -(-len(found) // COUNT)]

    @cached_property
    def digest(self) -> str:
        """sha256 over the files' contents, in their order."""
        whole = hashlib.sha256()
        for file in self._files:
            whole.update(hashlib.sha256(file.read_bytes()).digest())
        return whole.hexdigest()

    def tensors(self, side: int, mean: Sequence[float], std: Sequence[float]) -> Iterator[Tensor]:
        """Preprocessed pictures [1,3,S,S]. Raises ConfigurationError for one that is no image."""
        for file in self._files:
            try:
                picture = decode_image(file.read_bytes(), _UNLIMITED)
            except InputError as error:
                raise ConfigurationError(
                    f"picture {str(file)!r} to quantise with: {error}"
                ) from error
            yield to_tensor(picture, side, mean, std)[None]
