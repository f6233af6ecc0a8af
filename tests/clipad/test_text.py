import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from app.clipad.prompts import Domain, prompt_ensemble
from app.clipad.rvs import Rvs, RvsMethod
from app.clipad.text import TextBank
from app.errors import ObjectNameError

DIM = 8


class CountingEncoder:
    """Unit rows that depend on the prompts; counts its calls and can be held back by name."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.held: dict[str, threading.Event] = {}
        self.started = threading.Event()

    def encode(self, prompts: Sequence[str]) -> Tensor:
        self.calls.append(prompts[0])
        self.started.set()
        for name, event in self.held.items():
            if name in prompts[0]:
                assert event.wait(10)
        if "unusable" in prompts[0]:
            raise ObjectNameError("prompt too long")
        seeds = [torch.Generator().manual_seed(hash(p) % 2**31) for p in prompts]
        return F.normalize(torch.stack([torch.randn(DIM, generator=s) for s in seeds]), dim=-1)


def _bank(encoder: CountingEncoder, directory: Path | None = None, **options: object) -> TextBank:
    settings = {"model_digest": "w", "rvs": Rvs(RvsMethod.MEAN), **options}
    return TextBank(encoder, embed_dim=DIM, directory=directory, **settings)  # type: ignore[arg-type]


def test_features_are_unit_columns_made_once() -> None:
    encoder = CountingEncoder()
    bank = _bank(encoder)
    nut = prompt_ensemble("nut")
    assert not bank.has(nut)
    assert bank.peek(nut) is None
    features = bank.get(nut)
    assert features.shape == (DIM, 2)
    torch.testing.assert_close(features.norm(dim=0), torch.ones(2))
    rows = encoder.encode(nut.normal)
    torch.testing.assert_close(features[:, 0], F.normalize(rows.mean(0), dim=0))
    calls = len(encoder.calls)
    assert bank.get(prompt_ensemble("nut")) is features
    assert bank.peek(nut) is features
    assert bank.has(nut)
    assert len(encoder.calls) == calls


def test_a_file_on_disk_spares_the_encoder(tmp_path: Path) -> None:
    nut = prompt_ensemble("nut")
    first = _bank(CountingEncoder(), tmp_path / "deep" / "folder").get(nut)
    encoder = CountingEncoder()
    bank = _bank(encoder, tmp_path / "deep" / "folder")
    assert bank.has(nut)
    assert bank.peek(nut) is None  # memory alone, never the disk
    assert torch.equal(bank.get(nut), first)
    assert encoder.calls == []
    assert [p.name for p in (tmp_path / "deep" / "folder").iterdir()] == [
        f"{bank.key(nut)}.safetensors"
    ]


def test_everything_that_moves_the_result_is_in_the_key() -> None:
    nut, encoder = prompt_ensemble("nut"), CountingEncoder()
    keys = {
        _bank(encoder).key(nut),
        _bank(encoder).key(prompt_ensemble("bolt")),
        _bank(encoder).key(prompt_ensemble("nut", Domain.COLON)),
        _bank(encoder, model_digest="v").key(nut),
        _bank(encoder, rvs=Rvs(RvsMethod.PCA)).key(nut),
        _bank(encoder, rvs=Rvs()).key(nut),
        _bank(encoder, rvs=Rvs(dbscan_eps=0.5000001)).key(nut),
    }
    assert len(keys) == 7


@pytest.mark.parametrize("damage", ["garbage", "truncated", "shape", "norm", "name", "nan"])
def test_a_corrupt_file_is_made_again_with_a_warning(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    nut = prompt_ensemble("nut")
    good = _bank(CountingEncoder(), tmp_path).get(nut)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    if damage == "garbage":
        path.write_bytes(b"not safetensors at all")
    elif damage == "truncated":
        path.write_bytes(whole[:-9])
    else:
        tensors = {
            "shape": {"text": torch.ones(3, 2)},
            "norm": {"text": 2 * good},
            "name": {"other": good.clone()},
            "nan": {"text": torch.full((DIM, 2), float("nan"))},
        }
        save_file(tensors[damage], path)
    encoder = CountingEncoder()
    with caplog.at_level(logging.WARNING):
        again = _bank(encoder, tmp_path).get(nut)
    assert torch.equal(again, good)
    assert len(encoder.calls) == 1
    assert "made again" in caplog.text
    assert path.read_bytes() == whole


def test_a_folder_that_cannot_be_written_is_only_warned_about(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    bank = _bank(CountingEncoder(), tmp_path / "file" / "below")
    with caplog.at_level(logging.WARNING):
        assert bank.get(prompt_ensemble("nut")).shape == (DIM, 2)
    assert "not kept on disk" in caplog.text


def test_concurrent_first_requests_encode_once_and_others_are_not_held_up() -> None:
    encoder = CountingEncoder()
    encoder.held["nut"] = threading.Event()
    bank = _bank(encoder)
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(bank.get, prompt_ensemble("nut")) for _ in range(6)]
        assert encoder.started.wait(10)
        other = pool.submit(bank.get, prompt_ensemble("bolt")).result(10)
        assert other.shape == (DIM, 2)
        assert not any(future.done() for future in waiting)
        encoder.held["nut"].set()
        features = [future.result(10) for future in waiting]
    assert all(f is features[0] for f in features)
    assert len([call for call in encoder.calls if "nut" in call]) == 1


def test_a_failure_reaches_every_waiter_and_is_not_remembered() -> None:
    encoder = CountingEncoder()
    encoder.held["unusable"] = threading.Event()
    bank = _bank(encoder)
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(bank.get, prompt_ensemble("unusable")) for _ in range(3)]
        assert encoder.started.wait(10)
        encoder.held["unusable"].set()
        for future in waiting:
            with pytest.raises(ObjectNameError, match="too long"):
                future.result(10)
    assert not bank.has(prompt_ensemble("unusable"))
    with pytest.raises(ObjectNameError, match="too long"):
        bank.get(prompt_ensemble("unusable"))


def test_memory_is_bounded_and_keeps_what_was_used_last() -> None:
    encoder = CountingEncoder()
    bank = _bank(encoder, capacity=2)
    a, b, c = (prompt_ensemble(name) for name in ("a", "b", "c"))
    for prompts in (a, b, a, c):
        bank.get(prompts)
    assert [bank.has(prompts) for prompts in (a, b, c)] == [True, False, True]


def test_what_cannot_be_kept_is_counted(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    bank = _bank(CountingEncoder(), tmp_path / "file" / "below")
    for name in ("nut", "bolt"):
        bank.get(prompt_ensemble(name))
    assert bank.unwritten == 2
    assert _bank(CountingEncoder()).unwritten == 0
