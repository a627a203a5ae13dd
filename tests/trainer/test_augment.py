"""Augmentation: the maps of torchvision, one draw an example, nothing at strength 0."""

import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor

from trainer.stepping.augment import UNFLIPPED_SIDE_PX, affine, augment, erase, recolour


def digits(examples: int = 16, side: int = 28) -> Tensor:
    """Real digits, standardised and enlarged, [N, 1, side, side]."""
    images = torch.tensor(load_digits().images[:examples] / 16, dtype=torch.float32)[:, None]
    images = torch.nn.functional.interpolate(images, (side, side), mode="bilinear")
    return (images - images.mean()) / images.std()


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def still(examples: int) -> dict[str, Tensor]:
    return {
        "turn_deg": torch.zeros(examples),
        "shift": torch.zeros(examples, 2),
        "scale": torch.ones(examples),
        "shear_deg": torch.zeros(examples),
        "mirrored": torch.zeros(examples, dtype=torch.bool),
    }


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"turn_deg": 17.0}, id="turn"),
        pytest.param({"scale": 1.2}, id="scale"),
        pytest.param({"shear_deg": 12.0}, id="shear"),
        pytest.param({"shift": (0.125, -0.25)}, id="shift"),
        pytest.param({"turn_deg": -25.0, "scale": 0.85, "shear_deg": -8.0, "shift": (0.0625, 0.125)}, id="all"),
    ],
)
@pytest.mark.parametrize("shape", [(28, 28), (24, 40)], ids=["square", "wide"])
def test_the_map_is_that_of_torchvision(change: dict[str, object], shape: tuple[int, int]) -> None:
    functional = pytest.importorskip("torchvision.transforms.functional")
    images = torch.nn.functional.interpolate(digits(3), shape, mode="bilinear")
    ours = still(3)
    for name, value in change.items():
        ours[name] = torch.tensor(value).expand(3, *torch.tensor(value).shape)
    shift = change.get("shift", (0.0, 0.0))
    theirs = functional.affine(
        images,
        angle=change.get("turn_deg", 0.0),
        translate=[shift[0] * shape[1], shift[1] * shape[0]],
        scale=change.get("scale", 1.0),
        shear=[change.get("shear_deg", 0.0), 0.0],
        interpolation=functional.InterpolationMode.BILINEAR,
    )
    difference = (affine(images, **ours, padding="zeros") - theirs).abs()
    assert float(difference.max()) < 1e-3


def test_a_mirrored_image_is_the_flipped_one() -> None:
    images = digits(4)
    turned = affine(images, **(still(4) | {"mirrored": torch.tensor([True, False, True, False])}))
    assert torch.allclose(turned[[0, 2]], images[[0, 2]].flip(-1), atol=1e-4)
    assert torch.allclose(turned[[1, 3]], images[[1, 3]], atol=1e-4)


def test_strength_zero_gives_the_very_same_images_and_draws_nothing() -> None:
    images, source = digits(), generator()
    before = source.get_state()
    assert augment(images, 0.0, source) is images
    assert torch.equal(source.get_state(), before)


def test_one_seed_gives_one_result_and_the_input_is_left_alone() -> None:
    images = digits()
    kept = images.clone()
    first, second = augment(images, 0.7, generator(3)), augment(images, 0.7, generator(3))
    assert torch.equal(first, second)
    assert torch.equal(images, kept)
    assert not torch.equal(first, augment(images, 0.7, generator(4)))


def test_each_example_has_its_own_draw() -> None:
    same = digits(1).expand(32, -1, -1, -1).contiguous()
    changed = augment(same, 0.5, generator())
    assert len(torch.unique(changed.flatten(1), dim=0)) == 32


def test_more_strength_moves_the_images_further() -> None:
    images = digits(64)
    moved = [float((augment(images, s, generator()) - images).square().mean()) for s in (0.01, 0.1, 0.3, 0.6, 1.0)]
    assert moved == sorted(moved)
    assert moved[0] < 0.05 < moved[-1]


def test_a_turn_of_the_strength_leaves_later_draws_where_they_were() -> None:
    weak, strong = generator(), generator()
    augment(digits(), 0.1, weak)
    augment(digits(), 0.9, strong)
    assert torch.equal(weak.get_state(), strong.get_state())


@pytest.mark.parametrize(
    ("channels", "side", "flips"),
    [(1, 8, False), (1, UNFLIPPED_SIDE_PX, False), (1, UNFLIPPED_SIDE_PX + 1, True), (3, 16, True)],
)
def test_small_grey_images_are_signs_and_are_not_mirrored(channels: int, side: int, flips: bool) -> None:
    ramp = torch.linspace(-1, 1, side).expand(64, channels, side, side).contiguous()
    changed = augment(ramp, 0.01, generator())
    falls = changed[..., -2] < changed[..., 1]
    assert bool(falls.all(-1).all(-1).any()) is flips


def test_colours_move_relative_to_the_image() -> None:
    image = digits(1)
    brighter = recolour(image, torch.tensor([0.5]), torch.ones(1), torch.ones(1))
    assert float((brighter - image).mean()) == pytest.approx(0.5 * float(image.std(correction=0)), rel=1e-4)
    flat = recolour(image, torch.zeros(1), torch.zeros(1), torch.ones(1))
    assert float(flat.std()) < 1e-5


def test_a_colour_image_without_saturation_is_grey() -> None:
    image = torch.randn(2, 3, 6, 6, generator=generator())
    grey = recolour(image, torch.zeros(2), torch.ones(2), torch.zeros(2))
    assert torch.allclose(grey, image.mean(1, keepdim=True).expand_as(image), atol=1e-6)


def test_an_erased_rectangle_has_the_size_asked_for_and_holds_the_mean() -> None:
    images = torch.randn(2, 1, 20, 20, generator=generator())
    out = erase(images, torch.tensor([0.5, 0.0]), torch.tensor([0.2, 0.0]), torch.rand(2), torch.rand(2))
    changed = out != images
    assert changed[0].sum() == 10 * 4
    assert torch.allclose(out[0][changed[0]], images[0].mean())
    assert not changed[1].any()


@pytest.mark.parametrize("shape", [(5, 1, 8, 8), (3, 3, 17, 32), (1, 1, 1, 1)], ids=str)
def test_any_image_size_comes_back_in_its_shape_and_finite(shape: tuple[int, ...]) -> None:
    images = torch.randn(shape, generator=generator())
    for seed in range(10):
        out = augment(images, 1.0, generator(seed))
        assert out.shape == images.shape
        assert torch.isfinite(out).all()
