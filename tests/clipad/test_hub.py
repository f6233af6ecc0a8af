"""Fetching pretrained weights, from a hub of our own on the loopback and without any."""

import hashlib
import json
import logging
import shutil
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import save

from app.clipad.checkpoint import read_notes, read_state_dict
from app.clipad.hub import fetch
from app.errors import WeightsError

NAME, TAG = "ViT-B-16-plus-240", "laion400m_e31"
REPOSITORY = "timm/vit_base_patch16_plus_clip_240.laion400m_e31"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
SAFE, PICKLE = "open_clip_model.safetensors", "open_clip_pytorch_model.bin"
WEIGHTS = save({"weight": torch.arange(6.0).reshape(2, 3)})


class Hub(ThreadingHTTPServer):
    """The part of a hub that serves single files; knows where each body it sent began."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.files = {f"{REPOSITORY}/{SAFE}": WEIGHTS}
        self.false_etag: str | None = None
        self.portal: bytes | None = None  # what somebody between answers every GET with
        self.refuses_parts = False
        self.begun_at: list[int] = []
        self.tokens: list[str | None] = []


class _Answer(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        if self.server.portal is not None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(self.server.portal)))
            self.end_headers()
            self.wfile.write(self.server.portal)
            return
        if self.server.refuses_parts and self.headers.get("Range"):
            self.send_response(416)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        content = self._answer()
        if content is not None:
            self.server.begun_at.append(len(WEIGHTS) - len(content))
            self.server.tokens.append(self.headers.get("Authorization"))
            self.wfile.write(content)

    def _answer(self) -> bytes | None:
        repository, _, rest = self.path.strip("/").partition("/resolve/")
        content = self.server.files.get(f"{repository}/{rest.partition('/')[2]}")
        if content and (asked := self.headers.get("Range")):
            begin = int(asked.removeprefix("bytes=").partition("-")[0])
            self.send_response(206)
            size = len(content)
            self.send_header("Content-Range", f"bytes {begin}-{size - 1}/{size}")
            sent = content[begin:]
        else:
            self.send_response(404 if content is None else 200)
            sent = content or b""
        if content is None:
            self.send_header("X-Error-Code", "EntryNotFound")
        etag = self.server.false_etag or hashlib.sha256(content or b"").hexdigest()
        self.send_header("ETag", f'"{etag}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        return None if content is None else sent

    def log_message(self, format: str, *args: object) -> None:
        """Silent: the tests' output is theirs."""


def use(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    """What HF_ENDPOINT does when the process starts."""
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    template = endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    server = Hub()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    use(monkeypatch, f"http://127.0.0.1:{server.server_port}")
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed_again:
        port = closed_again.getsockname()[1]
    use(monkeypatch, f"http://127.0.0.1:{port}")


def test_fetches_once_and_leaves_one_file_with_its_notes(hub: Hub, tmp_path: Path) -> None:
    path = fetch(NAME, TAG, tmp_path / "new")
    assert path == tmp_path / "new" / f"{NAME}-{TAG}.safetensors"
    assert not path.is_symlink()
    assert path.read_bytes() == WEIGHTS
    assert torch.equal(read_state_dict(path)["weight"], torch.arange(6.0).reshape(2, 3))
    notes = read_notes(path)
    assert notes["sha256"] == hashlib.sha256(WEIGHTS).hexdigest()
    assert notes["bytes"] == len(WEIGHTS)
    assert REPOSITORY in notes["origin"]
    assert COMMIT in notes["origin"]
    assert notes["quick_gelu"] is False
    assert len(notes["mean"]) == len(notes["std"]) == 3
    assert fetch(NAME, TAG, tmp_path / "new") == path
    assert hub.begun_at == [0]
    assert list((tmp_path / "new" / ".fetching").glob("*-*/**")) == []


def test_takes_the_pickle_only_where_there_is_no_safetensors(hub: Hub, tmp_path: Path) -> None:
    hub.files = {f"{REPOSITORY}/{PICKLE}": b"pickled"}
    path = fetch(NAME, TAG, tmp_path)
    assert path.name == f"{NAME}-{TAG}.bin"
    assert path.read_bytes() == b"pickled"


def test_a_tag_that_leads_to_another_tags_weights_is_said_so(
    hub: Hub, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "app.clipad.hub"):
        path = fetch(NAME, "laion400m_e32", tmp_path)
    assert path.name == f"{NAME}-laion400m_e31.safetensors"
    assert "laion400m_e32" in caplog.text
    caplog.clear()
    fetch(NAME, TAG, tmp_path)
    assert caplog.text == ""


def test_many_at_once_fetch_once(hub: Hub, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        paths = set(pool.map(lambda _: fetch(NAME, TAG, tmp_path), range(4)))
    assert len(paths) == 1
    assert hub.begun_at == [0]


def left_over(directory: Path, content: bytes, commit: str = COMMIT) -> None:
    """What another process had fetched of the weights when it was killed."""
    part = directory / ".fetching" / f"{NAME}-{TAG}" / commit / SAFE
    part.parent.mkdir(parents=True)
    part.write_bytes(content)


def test_goes_on_where_another_process_was_killed(
    hub: Hub, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    left_over(tmp_path, WEIGHTS[:50])
    with caplog.at_level(logging.INFO, "app.clipad.download"):
        assert fetch(NAME, TAG, tmp_path).read_bytes() == WEIGHTS
    assert hub.begun_at == [50]
    first, last = caplog.messages
    assert first.endswith("is there from before")
    assert last.endswith("fetched")
    assert list((tmp_path / ".fetching").glob("*-*/**")) == []


def test_what_is_left_of_another_version_is_not_continued(hub: Hub, tmp_path: Path) -> None:
    left_over(tmp_path, b"of another version", commit="1" * 40)
    (tmp_path / ".fetching" / f"{NAME}-{TAG}" / SAFE).write_bytes(b"as it was laid before")
    assert fetch(NAME, TAG, tmp_path).read_bytes() == WEIGHTS
    assert hub.begun_at == [0]
    assert list((tmp_path / ".fetching").glob("*-*/**")) == []


def test_a_damaged_beginning_is_found_and_thrown_away(hub: Hub, tmp_path: Path) -> None:
    left_over(tmp_path, bytes(50))
    with pytest.raises(WeightsError, match="what arrived has sha256"):
        fetch(NAME, TAG, tmp_path)
    assert fetch(NAME, TAG, tmp_path).read_bytes() == WEIGHTS
    assert hub.begun_at == [50, 0]


@pytest.mark.parametrize("left", [WEIGHTS + b"more", WEIGHTS * 2])
def test_more_than_was_announced_is_begun_anew(hub: Hub, tmp_path: Path, left: bytes) -> None:
    left_over(tmp_path, left)
    assert fetch(NAME, TAG, tmp_path).read_bytes() == WEIGHTS
    assert hub.begun_at == [0]


def test_what_is_whole_already_is_not_asked_for(hub: Hub, tmp_path: Path) -> None:
    left_over(tmp_path, WEIGHTS)
    assert fetch(NAME, TAG, tmp_path).read_bytes() == WEIGHTS
    assert hub.begun_at == []


def test_what_a_server_cannot_continue_is_begun_anew(hub: Hub, tmp_path: Path) -> None:
    left_over(tmp_path, WEIGHTS[:50])
    hub.refuses_parts = True
    with pytest.raises(WeightsError, match="416"):
        fetch(NAME, TAG, tmp_path)
    assert fetch(NAME, TAG, tmp_path).read_bytes() == WEIGHTS
    assert hub.begun_at == [0]


@pytest.mark.parametrize("page", [b"<html>log in</html>", b"<p>" * len(WEIGHTS)])
@pytest.mark.parametrize("before", [0, 50])
def test_a_portals_page_is_not_kept(hub: Hub, tmp_path: Path, page: bytes, before: int) -> None:
    left_over(tmp_path, WEIGHTS[:before])
    hub.portal = page
    with pytest.raises(WeightsError, match=f"{len(page)} bytes, expected {len(WEIGHTS)}"):
        fetch(NAME, TAG, tmp_path)
    hub.portal = None
    assert fetch(NAME, TAG, tmp_path).read_bytes() == WEIGHTS
    assert hub.begun_at == [0]


@pytest.mark.parametrize("etag", ["0" * 32, "x" * 64])
def test_what_could_not_be_checked_is_begun_anew(hub: Hub, tmp_path: Path, etag: str) -> None:
    hub.false_etag = etag
    left_over(tmp_path, b"<html>".ljust(50))
    assert fetch(NAME, TAG, tmp_path).read_bytes() == WEIGHTS
    assert hub.begun_at == [0]


def test_the_disk_needs_room_only_for_what_is_missing(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / ".fetching" / f"{NAME}-{TAG}" / ("1" * 40) / SAFE
    other.parent.mkdir(parents=True)
    other.write_bytes(bytes(50))

    def usage(_: Path) -> SimpleNamespace:  # what another version left is in the way
        return SimpleNamespace(free=len(WEIGHTS) - 50 - 50 * other.exists())

    monkeypatch.setattr(shutil, "disk_usage", usage)
    with pytest.raises(WeightsError, match=f"needs {len(WEIGHTS)} bytes more, only"):
        fetch(NAME, TAG, tmp_path)
    left_over(tmp_path, WEIGHTS[:50])
    other.parent.mkdir()
    other.write_bytes(bytes(50))
    assert fetch(NAME, TAG, tmp_path).read_bytes() == WEIGHTS


def test_refuses_what_is_not_what_the_hub_announced(hub: Hub, tmp_path: Path) -> None:
    hub.false_etag = "0" * 64
    with pytest.raises(WeightsError, match=f"sha256 .* expected {'0' * 64}"):
        fetch(NAME, TAG, tmp_path)
    assert not list(tmp_path.glob("*.safetensors"))


def test_a_repository_without_weights_is_named(hub: Hub, tmp_path: Path) -> None:
    hub.files = {}
    with pytest.raises(WeightsError, match=f"{REPOSITORY} has none of {SAFE}, {PICKLE}"):
        fetch(NAME, TAG, tmp_path)


@pytest.mark.usefixtures("no_hub")
def test_without_a_network_three_ways_out_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        fetch(NAME, TAG, tmp_path)
    message = str(caught.value)
    assert "\n" not in message
    assert f"scripts/fetch_weights {NAME} {TAG}" in message
    assert "HF_ENDPOINT" in message
    assert "unset CLIPAD_BACKBONE and CLIPAD_WEIGHTS" in message
    assert "Connection refused" in message


@pytest.mark.usefixtures("no_hub")
@pytest.mark.parametrize(
    "file", [f"{NAME}-{TAG}.pt", "vit_b_16_plus_240-laion400m_e31-8fb26589.pt"]
)
def test_a_file_put_there_by_hand_needs_no_network(tmp_path: Path, file: str) -> None:
    (tmp_path / file).write_bytes(b"weights")
    assert fetch(NAME, TAG, tmp_path) == tmp_path / file


@pytest.mark.usefixtures("no_hub")
def test_an_incomplete_copy_is_refused(tmp_path: Path) -> None:
    (tmp_path / f"{NAME}-{TAG}.safetensors").write_bytes(b"half")
    (tmp_path / f"{NAME}-{TAG}.safetensors.json").write_text(json.dumps({"bytes": 8}))
    with pytest.raises(WeightsError, match="4 bytes, its notes say 8"):
        fetch(NAME, TAG, tmp_path)


@pytest.mark.parametrize("endpoint", ["ftp://127.0.0.1", "127.0.0.1:1", "http://["])
def test_an_unusable_mirror_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    use(monkeypatch, endpoint)
    with pytest.raises(WeightsError, match=r"fetching .* failed"):
        fetch(NAME, TAG, tmp_path)


def test_a_directory_that_cannot_be_written_is_an_error_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WeightsError, match=r"not in .*file"):
        fetch(NAME, TAG, tmp_path / "file")


@pytest.mark.parametrize(("name", "tag"), [(NAME, "openai"), ("No-Such-Model", TAG)])
def test_what_open_clip_does_not_publish_is_refused(tmp_path: Path, name: str, tag: str) -> None:
    with pytest.raises(WeightsError, match=f"{tag!r} of {name}: not published"):
        fetch(name, tag, tmp_path)


def test_the_hubs_token_is_sent(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_for_this_test")
    fetch(NAME, TAG, tmp_path)
    assert hub.tokens == ["Bearer hf_for_this_test"]


def test_offline_nothing_is_asked(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsError, match=r"offline.*three ways out"):
        fetch(NAME, TAG, tmp_path)
    assert hub.begun_at == []
