"""The baselines against the same arithmetic written out step by step, on a tiny real ViT."""

import pytest
import torch
import torch.nn.functional as F
from scipy.ndimage import gaussian_filter
from torch import Tensor

from app.clipad.detector import AnomalyDetector
from app.clipad.rvs import Rvs, RvsMethod
from app.errors import MethodError
from app.offline.evaluation.baselines import ClipSurgery, Direct
from app.offline.evaluation.scorers import make_scorers
from tests import parity


def detector(model: str = "tiny-vit", **options: float) -> AnomalyDetector:
    return AnomalyDetector(parity.backbone(model), rvs=Rvs(RvsMethod.MEAN), **options)  # type: ignore[arg-type]


def inputs(of: AnomalyDetector) -> tuple[Tensor, Tensor]:
    images = parity.expected("tiny-vit")["pixels"]
    return images, of.text_features("metal nut").expand(len(images), -1, -1)


def attention(block: torch.nn.Module, y: Tensor, surgery: bool) -> Tensor:
    """Multi-head attention of y [B,N,W], head by head; with `surgery` q = k = v."""
    mixer = block.attn
    query, key, value = F.linear(y, mixer.in_proj_weight, mixer.in_proj_bias).chunk(3, dim=-1)
    if surgery:
        query = key = value
    width = y.shape[-1] // mixer.num_heads
    heads = []
    for start in range(0, y.shape[-1], width):
        q, k, v = (of[..., start : start + width] for of in (query, key, value))
        heads.append((q @ k.mT / width**0.5).softmax(-1) @ v)
    return mixer.out_proj(torch.cat(heads, dim=-1))


def two_paths(of: AnomalyDetector, images: Tensor) -> tuple[Tensor, Tensor]:
    """Projected tokens of the last layer, and of V-V attention summed over layers 7 to 12."""
    visual = of.backbone.model.visual
    x = visual.conv1(images).flatten(2).transpose(1, 2)
    cls = visual.class_embedding.expand(len(x), 1, -1)
    x = visual.ln_pre(torch.cat([cls, x], dim=1) + visual.positional_embedding)
    surgery = torch.zeros_like(x)
    for number, block in enumerate(visual.transformer.resblocks, start=1):
        y = block.ln_1(x)
        if number > 6:
            surgery = surgery + attention(block, y, surgery=True)
        x = x + attention(block, y, surgery=False)
        x = x + block.mlp(block.ln_2(x))
    surgery = torch.cat([x[:, :1], surgery[:, 1:]], dim=1)
    return tuple(visual.ln_post(tokens) @ visual.proj for tokens in (x, surgery))  # type: ignore[return-value]


def enlarged(planes: Tensor, side: int, sigma: float) -> Tensor:
    grid = planes.reshape(len(planes), 1, 6, 6)
    large = F.interpolate(grid, (side, side), mode="bilinear", align_corners=False)
    return torch.stack(
        [torch.from_numpy(gaussian_filter(each[0].numpy(), sigma)) for each in large]
    )


def test_direct_compares_the_last_layer_with_the_texts() -> None:
    plain = detector(sigma=2.0)
    images, text = inputs(plain)
    tokens, _ = two_paths(plain, images)
    cosines = F.normalize(tokens, dim=-1) @ text
    probability = (100 * cosines).softmax(-1)[..., 1]
    found = Direct(plain).detect(images, text)
    torch.testing.assert_close(found.text_score, probability[:, 0], atol=1e-4, rtol=0)
    expected = enlarged(probability[:, 1:], plain.side, 2.0)
    torch.testing.assert_close(found.maps, expected, atol=1e-4, rtol=0)
    torch.testing.assert_close(found.score, found.text_score + found.maps.amax((1, 2)))


def test_clip_surgery_takes_the_upper_half_and_its_last_output() -> None:
    plain = detector(sigma=2.0)
    images, text = inputs(plain)
    tokens, surgery = two_paths(plain, images)
    weight = (F.normalize(tokens[:, :1], dim=-1) @ text).softmax(-1)
    weight = weight / weight.mean(-1, keepdim=True)
    weighted = weight * (F.normalize(surgery[:, 1:], dim=-1) @ text)
    expected = enlarged((weighted[..., 1] - weighted[..., 0]) / 2, plain.side, 2.0)
    found = ClipSurgery(plain).detect(images, text)
    torch.testing.assert_close(found.maps, expected, atol=1e-5, rtol=0)
    served = plain.detect(images, text)
    torch.testing.assert_close(found.text_score, served.text_score, atol=1e-5, rtol=0)
    assert (found.maps - served.maps).abs().max() > 1e-4


@pytest.mark.parametrize("method", ["direct", "clip_surgery"])
def test_a_resnet_has_no_baselines(method: str) -> None:
    with pytest.raises(MethodError, match=rf"method '{method}': backbone tiny-resnet is no ViT"):
        make_scorers(detector("tiny-resnet"), [method])


def test_methods_are_made_by_name() -> None:
    plain = detector()
    assert list(make_scorers(plain, ["sdp", "direct"])) == ["sdp", "direct"]
    with pytest.raises(MethodError, match="'sdp_plus': needs linear heads"):
        make_scorers(plain, ["sdp_plus"])
    with pytest.raises(MethodError, match="'winclip': expected one of direct, clip_surgery, sdp"):
        make_scorers(plain, ["winclip"])
