"""Models that took long to make, kept on disk under a key of all they were made from.

A manifest with the files' sha256 is written last and checked first: what is incomplete or damaged
is made again. Where nothing can be written, every start takes the time, and says so. Several
processes make a model once.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from app.clipad.checkpoint import file_sha256
from app.clipad.runtimes.openvino_package import import_openvino

if TYPE_CHECKING:
    import openvino

_MODEL, _WEIGHTS, _MANIFEST = "model.xml", "model.bin", "manifest.json"
_Kept = tuple["openvino.Model", str]
_log = logging.getLogger(__name__)


def artefact_key(parts: Sequence[object]) -> str:
    """Hex digest over all that a model is made from (anything JSON can hold)."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def keep_model(
    core: "openvino.Core", directory: Path | None, key: str, make: Callable[[], "openvino.Model"]
) -> _Kept:
    """The model of this key, made if it is not under `directory`, and its weights' sha256.

    directory: None keeps nothing. Raises what `make` raises.
    """
    if directory is None:
        return _save_for_a_while(make())
    folder = directory / key
    with _alone(directory, key):
        if (kept := _load(core, folder)) is not None:
            return kept
        model = make()
        try:
            return model, _save(model, folder)
        except OSError as error:
            _log.warning(
                "%r cannot be written (%s): the int8 model will be made anew at every start",
                str(folder),
                type(error).__name__,
            )
            return _save_for_a_while(model)


@contextmanager
def _alone(directory: Path, key: str) -> Iterator[None]:
    """One process at a time; where no lock can be had, each makes the model for itself."""
    with ExitStack() as stack:
        with suppress(OSError):
            directory.mkdir(parents=True, exist_ok=True)
            stack.enter_context(FileLock(directory / f".{key}.lock"))
        yield


def _load(core: "openvino.Core", folder: Path) -> _Kept | None:
    try:
        manifest: Any = json.loads((folder / _MANIFEST).read_text("utf-8"))
        found = {name: file_sha256(folder / name) for name in (_MODEL, _WEIGHTS)}
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        _log.warning("model %r: unreadable (%s), made again", str(folder), error)
        return None
    if manifest != found:
        _log.warning("model %r: not what its manifest says, made again", str(folder))
        return None
    return core.read_model(folder / _MODEL), found[_WEIGHTS]


def _save(model: "openvino.Model", folder: Path) -> str:
    """Write a model; a reader finds all of it or none. Returns its weights' sha256."""
    with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as place:
        unfinished = Path(place) / folder.name
        unfinished.mkdir()
        sha256 = _write(model, unfinished)
        if folder.exists():
            shutil.rmtree(folder)
        unfinished.rename(folder)
    return sha256


def _save_for_a_while(model: "openvino.Model") -> _Kept:
    with TemporaryDirectory() as place:
        return model, _write(model, Path(place))


def _write(model: "openvino.Model", folder: Path) -> str:
    import_openvino().save_model(model, folder / _MODEL, compress_to_fp16=False)
    files = {name: file_sha256(folder / name) for name in (_MODEL, _WEIGHTS)}
    (folder / _MANIFEST).write_text(json.dumps(files), "utf-8")
    return files[_WEIGHTS]
