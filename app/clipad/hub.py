"""Pretrained weights: one file per model and tag in a directory, fetched once from a hub.

    DIRECTORY/NAME-TAG.safetensors         the weights (or .bin, .pt)
    DIRECTORY/NAME-TAG.safetensors.json    where they came from, sha256, preprocessing

Plain files, no links: the directory can be copied to a machine without a network. What
open_clip publishes under a name and tag is read from its own table; the hub is the one of
`huggingface_hub`, with its variables (HF_ENDPOINT for a mirror, HF_HUB_OFFLINE, HF_TOKEN).
Knows nothing of architectures or of what the tensors mean.
"""

import json
import logging
import os
import re
import shutil
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import open_clip
from filelock import FileLock
from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError

from app.clipad.checkpoint import SUFFIXES, file_sha256
from app.clipad.download import download
from app.errors import WeightsError

_LOG = logging.getLogger(__name__)

# As in open_clip: the safetensors file first, the pickle only where there is no other.
_DEFAULT_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
_TIMEOUT_S = 10.0
_SHA256 = re.compile("[0-9a-f]{64}")  # a large file's etag on the hub is its sha256
# The hub's errors stand on those of its HTTP client, and which client changes with versions.
_FAILURES = cast(
    tuple[type[Exception], ...], (OSError, ValueError, RuntimeError, *HfHubHTTPError.__bases__)
)


def fetch(name: str, tag: str, directory: Path) -> Path:
    """The weights file of a pretrained model, downloaded into `directory` if not there yet.

    name, tag: as in `open_clip.list_pretrained()`. A file already there is used as it is,
    without a network; so is one put there by hand under the name it was published with.
    An interrupted download is continued, also by another process, where the hub tells the file's
    sha256. Raises WeightsError, in one line.
    """
    published, tag = _published(name, tag)
    found = _find(name, tag, published, directory)
    if found is not None:
        return found
    try:
        (directory / ".fetching").mkdir(parents=True, exist_ok=True)
        # Several processes may share the directory; the second one finds the first one's file.
        with FileLock(directory / ".fetching" / f"{name}-{tag}.lock"):
            found = _find(name, tag, published, directory)
            return found or _download(name, tag, published, directory)
    except _FAILURES as error:
        raise WeightsError(_no_way_in(name, tag, published, directory, error)) from error


def _published(name: str, tag: str) -> tuple[dict[str, Any], str]:
    """What open_clip's table says of a model and tag, and the tag the weights really have."""
    published = open_clip.get_pretrained_cfg(name, tag)
    if not published:
        tags = open_clip.list_pretrained_tags_by_model(name)
        known = ", ".join(tags) or "none, and neither is the model" * (not tags)
        raise WeightsError(f"weights {tag!r} of {name}: not published by open_clip; tags: {known}")
    tag = tag.lower().replace("-", "_")
    # The table has an entry or two that lead to another tag's repository.
    actual = _repository(published)[0].rpartition(".")[2]
    if actual != tag and actual in open_clip.list_pretrained_tags_by_model(name):
        _LOG.warning(
            "open_clip's entry for %s of %s leads to the weights %s: using those, as %s",
            *(tag, name, actual, actual),
        )
        tag = actual
    return published, tag


def _repository(published: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    """The hub's repository, and the files to try in it, best first."""
    repository, _, file = str(published.get("hf_hub", "")).rpartition("/")
    if not file:
        return repository, _DEFAULT_FILES
    return repository, (str(Path(file).with_suffix(".safetensors")), file)


def _find(name: str, tag: str, published: dict[str, Any], directory: Path) -> Path | None:
    candidates = [directory / f"{name}-{tag}{suffix}" for suffix in SUFFIXES]
    if published.get("url"):
        candidates.append(directory / Path(urlsplit(published["url"]).path).name)
    for path in candidates:
        if path.is_file():
            _check_size(path)
            return path
    return None


def _check_size(path: Path) -> None:
    notes = path.with_name(path.name + ".json")
    if not notes.is_file():
        return
    try:
        expected = json.loads(notes.read_text("utf-8")).get("bytes")
    except (ValueError, AttributeError) as error:
        raise WeightsError(f"notes {notes}: expected a JSON object ({error})") from error
    if expected is not None and path.stat().st_size != expected:
        raise WeightsError(
            f"weights {path}: {path.stat().st_size} bytes, its notes say {expected}: copied "
            "incompletely? Copy it again, or delete it to have it fetched"
        )


def _download(name: str, tag: str, published: dict[str, Any], directory: Path) -> Path:
    endpoint = constants.ENDPOINT
    if urlsplit(endpoint).scheme not in ("http", "https"):
        raise ValueError(f"HF_ENDPOINT={endpoint} is not an http(s) address")
    repository, file, facts = _locate(published)
    staging = directory / ".fetching" / f"{name}-{tag}"
    _forget_what_cannot_go_on(staging, facts)
    fetched = staging / facts.commit_hash / file
    missing = facts.size - (fetched.stat().st_size if fetched.exists() else 0)
    free = shutil.disk_usage(directory).free
    if missing > free:
        raise OSError(f"{file} needs {missing} bytes more, only {free} are free on the disk")
    size = f"{facts.size / 1e6:.0f} MB"
    _LOG.info("fetching %s %s from %s/%s (%s), once", name, tag, endpoint, repository, size)
    download(hf_hub_url(repository, file, revision=facts.commit_hash), facts.size, fetched)
    sha256 = file_sha256(fetched)
    if _SHA256.fullmatch(facts.etag or "") and facts.etag != sha256:
        shutil.rmtree(staging)
        raise OSError(f"what arrived has sha256 {sha256}, expected {facts.etag}")
    path = directory / f"{name}-{tag}{fetched.suffix}"
    notes = {
        "name": name,
        "tag": tag,
        "origin": f"https://huggingface.co/{repository}/blob/{facts.commit_hash}/{file}",
        "sha256": sha256,
        "bytes": fetched.stat().st_size,
        "quick_gelu": bool(published.get("quick_gelu", False)),
        "mean": list(published["mean"]),
        "std": list(published["std"]),
    }
    # Notes first: weights never lie there without them.
    path.with_name(path.name + ".json").write_text(json.dumps(notes, indent=2) + "\n", "utf-8")
    os.replace(fetched, path)
    shutil.rmtree(staging)
    return path


def _forget_what_cannot_go_on(staging: Path, facts: Any) -> None:
    """Remove what is left of another version, or of one that cannot be checked when it is whole.

    A server may announce no sha256, and a beginning of the same length may be another's page.
    """
    checkable = _SHA256.fullmatch(facts.etag or "")
    for left in staging.glob("*"):
        if not left.is_dir() or left.is_symlink():
            left.unlink()
        elif not checkable or left.name != facts.commit_hash:
            shutil.rmtree(left)


def _locate(published: dict[str, Any]) -> tuple[str, str, Any]:
    """The first of the candidate files that the hub has: repository, file, its metadata."""
    repository, files = _repository(published)
    for file in files:
        url = hf_hub_url(repository, file)
        try:
            facts = get_hf_file_metadata(url, timeout=_TIMEOUT_S)
        except EntryNotFoundError:
            continue
        if facts.size is None or facts.commit_hash is None:
            raise OSError(f"{url} answers without a size and a commit: not a hub")
        return repository, file, facts
    raise OSError(f"{repository} has none of {', '.join(files)}")


def _no_way_in(
    name: str, tag: str, published: dict[str, Any], directory: Path, error: Exception
) -> str:
    reason = " ".join(str(error).split()) or type(error).__name__
    return (
        f"weights {tag!r} of {name}: not in {directory}, and fetching "
        f"{_repository(published)[0]} from {constants.ENDPOINT} failed ({reason[:300]}); three "
        f"ways out: run `scripts/fetch_weights {name} {tag}` on a machine with a network and copy "
        "its model_weights/ here; set HF_ENDPOINT to a mirror; or unset CLIPAD_BACKBONE and "
        "CLIPAD_WEIGHTS to use the demo"
    )
