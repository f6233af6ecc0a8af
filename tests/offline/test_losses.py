import pytest
import torch

from app.clipad import maps
from app.offline.losses import dice_loss, focal_loss, segmentation_loss
from tests import parity
from tests.clipad.test_heads import CASES, parity_heads, parity_patches


@pytest.mark.parametrize(("model", "taps"), CASES)
def test_five_training_steps_equal_the_released_implementation(model: str, taps: str) -> None:
    expected = parity.expected(model)
    text = expected["text.mean.metal nut"].expand(3, -1, -1)
    heads, patches = parity_heads(model, "head"), parity_patches(model, taps)
    optimizer = torch.optim.Adam(heads.parameters(), lr=1e-4)
    losses = []
    for _ in range(5):
        planes = maps.head_planes(heads(patches), text, 96)
        loss = segmentation_loss(planes, expected[f"{taps}.mask"])
        losses.append(loss.detach())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    torch.testing.assert_close(torch.stack(losses), expected[f"{taps}.losses"], atol=1e-4, rtol=0)
    trained = parity_heads(model, f"{taps}.trained")
    for name, value in heads.state_dict().items():
        torch.testing.assert_close(value, trained.state_dict()[name], atol=1e-4, rtol=0)


def test_both_losses_vanish_on_a_perfect_answer_and_grow_with_the_error() -> None:
    masks = torch.zeros(2, 8, 8)
    masks[:, 2:4, 2:4] = 1
    perfect = masks
    blurred = 0.8 * perfect + 0.1
    assert focal_loss(perfect, masks).item() == pytest.approx(0, abs=1e-6)
    assert dice_loss(perfect, masks).item() == pytest.approx(0, abs=1e-6)
    assert focal_loss(blurred, masks) > focal_loss(perfect, masks) + 1e-4
    assert dice_loss(blurred, masks) > 0.1


def test_normal_pixels_count_in_the_focal_loss() -> None:
    masks = torch.zeros(1, 8, 8)
    alarmed = torch.full((1, 8, 8), 0.5)
    assert focal_loss(alarmed, masks) > 0.1


@pytest.mark.parametrize("kind", [torch.float32, torch.bool])
def test_loss_and_gradient_in_one_pass_are_those_of_the_two_losses(kind: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    planes = (4 * torch.randn(3, 4, 24, 24, generator=generator)).sigmoid()
    planes[0, 0, 0] = torch.tensor([0.0, 1.0]).repeat(12)
    masks = (torch.rand(4, 24, 24, generator=generator) < 0.1).to(kind)
    masks[1] = 0
    plain, fused = planes.double().requires_grad_(), planes.double().requires_grad_()
    expected = 3 * (focal_loss(plain, masks) + dice_loss(plain, masks.double()))
    loss = segmentation_loss(fused, masks)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(loss, segmentation_loss(planes.double(), masks))
    (5 * expected).backward()
    (5 * loss).backward()
    torch.testing.assert_close(fused.grad, plain.grad)
