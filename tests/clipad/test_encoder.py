import dataclasses

import open_clip
import pytest
import torch
import torch.nn.functional as F

from app.clipad.encoder import TextEncoder
from app.clipad.prompts import prompt_ensemble
from app.errors import BackboneError, ObjectNameError
from tests import parity
from tests.clipad.models import tiny_config


def test_cutting_the_context_gives_what_the_whole_context_gives() -> None:
    backbone = parity.backbone("tiny-vit")
    prompts = [*prompt_ensemble("metal nut").abnormal, "a", "a " * 74]
    whole = backbone.model.encode_text(backbone.tokenizer(prompts))
    torch.testing.assert_close(
        TextEncoder(backbone).encode(prompts), F.normalize(whole, dim=-1), atol=4e-6, rtol=0
    )


def test_a_prompt_longer_than_the_context_is_refused_not_truncated() -> None:
    encoder = TextEncoder(parity.backbone("tiny-vit"))
    assert encoder.encode(["a " * 75]).shape == (1, 32)
    with pytest.raises(ObjectNameError, match="78 tokens, CLIP's context holds 77"):
        encoder.encode(["a " * 76])


@pytest.mark.parametrize("name", ["nut <end_of_text>", "<START_OF_TEXT>"])
def test_clips_own_markers_in_a_name_are_refused(name: str) -> None:
    encoder = TextEncoder(parity.backbone("tiny-vit"))
    with pytest.raises(ObjectNameError, match="markers"):
        encoder.encode([f"a photo of a {name}."])


def test_words_of_clients_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.clipad.encoder._TOKENIZER_CACHE_LIMIT", 20)
    backbone = parity.backbone("tiny-vit")
    encoder = TextEncoder(backbone)
    first = encoder.encode(["a photo of a flawless nut."])
    encoder.encode([f"zq{number}x part" for number in range(100)])
    assert len(backbone.tokenizer.cache) < 60
    assert torch.equal(encoder.encode(["a photo of a flawless nut."]), first)
    with pytest.raises(ObjectNameError, match="markers"):
        encoder.encode(["<end_of_text>"])


def test_a_text_tower_that_is_not_causal_is_refused() -> None:
    backbone = parity.backbone("tiny-vit")
    config = open_clip.get_model_config("ViT-B-16")
    config["vision_cfg"].update(layers=4, width=32, head_width=16, image_size=32)
    config["text_cfg"].update(width=16, heads=2, layers=1, no_causal_mask=True, pool_type="last")
    for kind in (open_clip.CLIP, open_clip.CustomTextCLIP):
        other = dataclasses.replace(backbone, model=kind(**config))
        with pytest.raises(BackboneError, match="causal"):
            TextEncoder(other)


def test_a_tower_pooled_at_another_tokenizers_end_is_refused() -> None:
    config = tiny_config()
    config["text_cfg"].update(pool_type="eos", eos_id=2)
    other = dataclasses.replace(parity.backbone("tiny-vit"), model=open_clip.CLIP(**config))
    with pytest.raises(BackboneError, match=r"pools at token 2; .* ends texts with 49407"):
        TextEncoder(other)


def test_a_tower_pooled_at_clips_end_of_text_is_accepted() -> None:
    config = tiny_config()
    config["text_cfg"].update(pool_type="eos", eos_id=49407)
    backbone = parity.backbone("tiny-vit")
    model = open_clip.CLIP(**config).eval()
    encoder = TextEncoder(dataclasses.replace(backbone, model=model))
    with torch.no_grad():
        whole = F.normalize(model.encode_text(backbone.tokenizer(["a nut", "two"])), dim=-1)
    torch.testing.assert_close(encoder.encode(["a nut", "two"]), whole, atol=4e-6, rtol=0)


def test_a_causal_tower_of_its_own_module_is_accepted() -> None:
    backbone = parity.backbone("tiny-vit")
    config = open_clip.get_model_config("ViT-B-16")
    config["vision_cfg"].update(layers=4, width=32, head_width=16, image_size=32)
    config["text_cfg"].update(width=16, heads=2, layers=1)
    model = open_clip.CustomTextCLIP(**config).eval()
    encoder = TextEncoder(dataclasses.replace(backbone, model=model))
    with torch.no_grad():
        whole = F.normalize(model.encode_text(backbone.tokenizer(["a nut", "two"])), dim=-1)
    torch.testing.assert_close(encoder.encode(["a nut", "two"]), whole, atol=4e-6, rtol=0)
