import torch

from app.clipad.multicrop import crop_ten, enlarged_side


def test_the_paper_enlarges_240_to_270() -> None:
    assert enlarged_side(240) == 270


def test_ten_crops_are_corners_centre_and_their_mirror_images() -> None:
    image = torch.arange(36.0).reshape(1, 1, 6, 6).expand(1, 3, 6, 6)
    crops = crop_ten(image, 4)
    assert len(crops) == 10
    assert all(crop.shape == (1, 3, 4, 4) for crop in crops)
    first_pixels = [crop[0, 0, 0, 0].item() for crop in crops[:5]]
    assert first_pixels == [0, 2, 12, 14, 7]
    for crop, mirrored in zip(crops[:5], crops[5:], strict=True):
        assert torch.equal(mirrored, crop.flip(-1))
