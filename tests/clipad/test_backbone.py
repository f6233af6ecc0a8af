import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch
from safetensors.torch import load_file, save_file

from app.clipad.backbone import load_backbone
from app.clipad.checkpoint import file_sha256
from app.errors import BackboneError, WeightsError
from tests import parity
from tests.clipad.models import random_images, tiny_clip, tiny_config


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Weights of tiny_clip()."""
    path = tmp_path / "tiny.safetensors"
    save_file(dict(tiny_clip().state_dict()), path)
    return path


def _with_text(**text: Any) -> dict[str, Any]:
    config = tiny_config()
    config["text_cfg"].update(text)
    return config


def _config(folder: Path, config: Mapping[str, Any]) -> str:
    path = folder / "config.json"
    path.write_text(json.dumps(config))
    return str(path)


def test_a_config_and_its_weights_give_the_frozen_model(tmp_path: Path, weights: Path) -> None:
    backbone = load_backbone(_config(tmp_path, tiny_config()), str(weights))
    images = random_images(2, 48)
    assert torch.equal(backbone.model.encode_image(images), tiny_clip().encode_image(images))
    assert backbone.name == tmp_path.name
    assert (backbone.side, backbone.embed_dim) == (48, 24)
    assert backbone.weights_sha256 == file_sha256(weights)
    assert not backbone.model.training
    assert not any(p.requires_grad for p in backbone.model.parameters())
    assert backbone.mean == open_clip.OPENAI_DATASET_MEAN
    assert backbone.std == open_clip.OPENAI_DATASET_STD


def test_half_precision_files_load_as_float32() -> None:
    for model in parity.MODELS:
        dtypes = {p.dtype for p in parity.backbone(model).model.parameters()}
        assert dtypes == {torch.float32}


def test_torch_files_load_too(tmp_path: Path, weights: Path) -> None:
    torch.save({"state_dict": load_file(weights)}, tmp_path / "tiny.pt")
    backbone = load_backbone(_config(tmp_path, tiny_config()), str(tmp_path / "tiny.pt"))
    assert torch.equal(backbone.model.visual.proj, tiny_clip().visual.proj)


def test_preprocessing_comes_from_the_config_or_the_notes(tmp_path: Path, weights: Path) -> None:
    config = {"model_cfg": tiny_config(), "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.25] * 3}}
    backbone = load_backbone(_config(tmp_path, config), str(weights))
    assert (backbone.mean, backbone.std) == ((0.5,) * 3, (0.25,) * 3)
    notes = {"mean": [0.1, 0.2, 0.3]}
    weights.with_name(weights.name + ".json").write_text(json.dumps(notes))
    backbone = load_backbone(_config(tmp_path, config), str(weights))
    assert (backbone.mean, backbone.std) == ((0.1, 0.2, 0.3), (0.25,) * 3)


@pytest.mark.parametrize("mean", ["[0.5", [0.5, 0.5], "half", [1, 2, "x"], 3])
def test_preprocessing_that_is_none_is_refused(tmp_path: Path, weights: Path, mean: Any) -> None:
    weights.with_name(weights.name + ".json").write_text(json.dumps({"mean": mean}))
    with pytest.raises(WeightsError, match=r"preprocessing mean .*: expected three numbers"):
        load_backbone(_config(tmp_path, tiny_config()), str(weights))


def test_the_digest_moves_with_weights_config_and_number_format(
    tmp_path: Path, weights: Path
) -> None:
    config = _config(tmp_path, tiny_config())
    digests = {load_backbone(config, str(weights)).digest}
    digests.add(load_backbone(config, str(weights), dtype=torch.bfloat16).digest)
    digests.add(load_backbone(_config(tmp_path, tiny_config(head_width=8)), str(weights)).digest)
    save_file(dict(tiny_clip(seed=1).state_dict()), weights)
    digests.add(load_backbone(_config(tmp_path, tiny_config()), str(weights)).digest)
    assert len(digests) == 4


@pytest.fixture
def tiny_vit_b_16(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let open_clip's names ViT-B-16 and ViT-B-16-quickgelu stand for a tiny CLIP."""
    from open_clip import factory

    monkeypatch.setitem(factory._MODEL_CONFIGS, "ViT-B-16", tiny_config())
    quick = {**tiny_config(), "quick_gelu": True}
    monkeypatch.setitem(factory._MODEL_CONFIGS, "ViT-B-16-quickgelu", quick)


@pytest.mark.usefixtures("tiny_vit_b_16")
def test_a_name_and_tag_load_what_lies_in_the_cache(tmp_path: Path, weights: Path) -> None:
    weights.rename(tmp_path / "ViT-B-16-laion400m_e31.safetensors")
    backbone = load_backbone("ViT-B-16", "laion400m_e31", cache_dir=tmp_path)
    assert backbone.name == "ViT-B-16"
    assert torch.equal(backbone.model.visual.proj, tiny_clip().visual.proj)


@pytest.mark.usefixtures("tiny_vit_b_16")
def test_a_quickgelu_mismatch_is_an_error(tmp_path: Path, weights: Path) -> None:
    path = weights.rename(tmp_path / "ViT-B-16-openai.safetensors")
    for given in ("openai", str(path)):  # a tag, or a file known by its name
        with pytest.raises(BackboneError, match=r"GELU.*QuickGELU: use ViT-B-16-quickgelu$"):
            load_backbone("ViT-B-16", given, cache_dir=tmp_path)
    assert load_backbone("ViT-B-16-quickgelu", str(path)).name == "ViT-B-16-quickgelu"
    laion = path.rename(tmp_path / "ViT-B-16-laion400m_e31.safetensors")
    with pytest.raises(BackboneError, match=r"computes QuickGELU.*with GELU: use ViT-B-16$"):
        load_backbone("ViT-B-16-quickgelu", str(laion))


def test_a_mismatch_told_by_the_files_own_notes_is_an_error(tmp_path: Path, weights: Path) -> None:
    save_file(load_file(weights), weights, metadata={"quick_gelu": "true"})
    with pytest.raises(BackboneError, match="set quick_gelu to true in it"):
        load_backbone(_config(tmp_path, tiny_config()), str(weights))
    quick = {**tiny_config(), "quick_gelu": True}
    assert load_backbone(_config(tmp_path, quick), str(weights)).side == 48


@pytest.mark.parametrize(
    ("name", "given", "error", "message"),
    [
        ("ViT-Z-99", "laion400m_e31", BackboneError, "backbone 'ViT-Z-99': expected an open_clip"),
        ("ViT-B-16", "", WeightsError, "random weights are never served"),
        ("ViT-B-16", "nosuchtag", WeightsError, "known tags: .*laion400m_e31"),
        ("ViT-B-16", "gone.safetensors", WeightsError, "weights gone.safetensors: no such file"),
        ("ViT-B-16-SigLIP", "webli", BackboneError, "of timm; expected CLIP's own"),
        ("roberta-ViT-B-32", "laion2b_s12b_b32k", BackboneError, "text tower or tokenizer"),
        ("coca_ViT-B-32", "laion2b_s13b_b90k", BackboneError, "text tower or tokenizer"),
        ("nowhere.json", "w.pt", BackboneError, "nowhere.json: not readable"),
    ],
)
def test_what_cannot_be_loaded_is_named(
    name: str, given: str, error: type[Exception], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message) as caught:
        load_backbone(name, given, cache_dir=tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not readable as JSON"),
        ("[1]", "expected a JSON object"),
        ('{"embed_dim": 8}', "'vision_cfg' is None; expected an object"),
        ('{"embed_dim": "8"}', "'embed_dim' is '8'; expected a whole number"),
        ('{"model_cfg": [1]}', "'model_cfg' is .1.; expected an object"),
        ('{"embed_dim": 8, "vision_cfg": 1, "text_cfg": {}}', "'vision_cfg' is 1"),
        (json.dumps(tiny_config(width="wide")), "open_clip cannot build it"),
        (json.dumps(tiny_config(no_such_option=1)), "open_clip cannot build it"),
        (json.dumps(tiny_config(image_size=[48, 64])), "expected a square"),
        (json.dumps(_with_text(tokenizer_kwargs={"no": 1})), "tokenizer_kwargs are not CLIP's"),
    ],
)
def test_configs_that_are_none_are_named(
    content: str, message: str, tmp_path: Path, weights: Path
) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(BackboneError, match=message):
        load_backbone(str(tmp_path / "config.json"), str(weights))


def test_weights_of_another_shape_are_refused(tmp_path: Path, weights: Path) -> None:
    config = _config(tmp_path, tiny_config(width=48))
    with pytest.raises(WeightsError, match=r"has shape \(32,\), backbone .* expects \(48,\)"):
        load_backbone(config, str(weights))
    config = _config(tmp_path, tiny_config(layers=8))
    with pytest.raises(WeightsError, match=r"lacks 'visual.transformer.resblocks.4"):
        load_backbone(config, str(weights))


def test_a_vocabulary_smaller_than_the_tokenizers_is_refused(tmp_path: Path) -> None:
    config = _with_text(vocab_size=1000)
    save_file(dict(open_clip.CLIP(**config).state_dict()), tmp_path / "small.safetensors")
    with pytest.raises(BackboneError, match="vocab_size 1000; CLIP's tokenizer needs 49408"):
        load_backbone(_config(tmp_path, config), str(tmp_path / "small.safetensors"))


def test_a_backbone_is_named_after_its_config(tmp_path: Path, weights: Path) -> None:
    (tmp_path / "line2.json").write_text(json.dumps(tiny_config()))
    assert load_backbone(str(tmp_path / "line2.json"), str(weights)).name == "line2"
    assert load_backbone(_config(tmp_path, tiny_config()), str(weights)).name == tmp_path.name


@pytest.mark.parametrize("damage", ["missing", "unknown", "nan"])
def test_incomplete_or_broken_weights_are_refused(
    tmp_path: Path, weights: Path, damage: str
) -> None:
    state = load_file(weights)
    if damage == "missing":
        del state["ln_final.weight"]
    elif damage == "unknown":
        state["extra"] = torch.ones(1)
    else:
        state["visual.proj"][0, 0] = float("nan")
    save_file(state, weights)
    message = {"missing": "lacks", "unknown": "unknown 'extra'", "nan": "not finite"}[damage]
    with pytest.raises(WeightsError, match=message):
        load_backbone(_config(tmp_path, tiny_config()), str(weights))
