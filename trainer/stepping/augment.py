"""Images are augmented as a whole batch, on their device, each example by its own draw.

One affine map an example (turn, shift, scale, shear, flip) resampled once, then brightness, contrast and, for colour,
saturation, then an erased rectangle. A strength of 0 to 1 scales every range, so it can turn while the run goes on; at 0
the very same tensor comes back. Inputs are standardised images: values are moved relative to each image's own mean and
spread, and never clamped.

Grey images of at most 32 pixels are not flipped: such sets are digits, letters and signs, where the mirror image is
another class or none. Larger or coloured ones are flipped left to right, as the usual recipes for photographs do.
"""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

TURN_DEG = 30.0
"""At full strength; at the default of half it is the ±15° that leave digits and garments what they are."""

SHIFT_SHARE = 0.15
"""Of the side, each way, at full strength: half of it is the 2 of 28 pixels that MNIST recipes shift by."""

SCALE_SHARE = 0.2
"""Sizes run from 1 - 0.2 to 1 + 0.2 at full strength."""

SHEAR_DEG = 15.0
"""At full strength: slanted, still legible."""

COLOUR_SHARE = 0.4
"""Brightness (in spreads of the image), contrast and saturation change by up to this much at full strength."""

ERASED_SHARE = 0.25
"""Largest part of the area that is erased, at full strength (Zhong et al. 2020 go up to 0.4 and for half the images)."""

ERASED_CHANCE = 0.5
"""How many images lose a rectangle, at full strength."""

UNFLIPPED_SIDE_PX = 32
"""Grey images up to this side are signs rather than scenes."""

ERASED_STRETCH = 2.0
"""The erased rectangle is up to twice as high as wide, or as wide as high: longer ones cut an image in two."""

DRAWS = 14
"""Random numbers an image takes, whatever the strength: a turn of it does not shift the draws of what follows."""

Padding = Literal["zeros", "border", "reflection"]


def augment(images: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Return a randomly changed copy of each image.

    Args:
        images: standardised floats, [B, C, H, W].
        strength: 0 (the same tensor is returned) to 1.
        generator: all draws come from it, on its own device.

    Returns:
        Images of the same shape, type, device and memory layout.
    """
    if strength <= 0:
        return images
    uniform = torch.rand(DRAWS, len(images), generator=generator, device=generator.device)
    uniform = uniform.to(images.device, images.dtype)
    turn, shift_x, shift_y, scale, shear, brightness, contrast, saturation = (2 * uniform[:8] - 1) * strength
    mirror, erased, area, aspect, left, top = uniform[8:]
    out = affine(
        images,
        turn_deg=turn * TURN_DEG,
        shift=torch.stack((shift_x, shift_y), 1) * SHIFT_SHARE,
        scale=1 + scale * SCALE_SHARE,
        shear_deg=shear * SHEAR_DEG,
        mirrored=(mirror < 0.5) & _may_flip(images),
        padding="border",
    )
    out = recolour(out, brightness * COLOUR_SHARE, 1 + contrast * COLOUR_SHARE, 1 + saturation * COLOUR_SHARE)
    area = area * ERASED_SHARE * strength * (erased < ERASED_CHANCE * strength)
    stretch = ERASED_STRETCH ** (2 * aspect - 1)
    return erase(out, height=(area * stretch).sqrt(), width=(area / stretch).sqrt(), left=left, top=top)


def _may_flip(images: Tensor) -> bool:
    return images.shape[1] != 1 or max(images.shape[-2:]) > UNFLIPPED_SIDE_PX


def affine(
    images: Tensor,
    *,
    turn_deg: Tensor,
    shift: Tensor,
    scale: Tensor,
    shear_deg: Tensor,
    mirrored: Tensor,
    padding: Padding = "border",
) -> Tensor:
    """Turn, shift, scale, shear and mirror each image about its centre, resampled bilinearly.

    The signs are those of `torchvision.transforms.functional.affine`: a positive angle turns clockwise.

    Args:
        images: [B, C, H, W].
        turn_deg: degrees, [B].
        shift: to the right and down, in shares of width and height, [B, 2].
        scale: size of the result relative to the image, [B].
        shear_deg: slant along x in degrees, [B].
        mirrored: whether left and right change places, [B] bool.
        padding: what lies beyond the edge; `border` continues it, whatever the background's standardised value is.
    """
    _, _, height, width = images.shape
    turn, shear = turn_deg.deg2rad(), shear_deg.deg2rad()
    # Forward, in pixels about the centre: p' = scale·A·M·p + t with A = turn·shear (determinant 1) and M the mirror.
    # grid_sample wants the inverse, in units of half a side.
    a, b = turn.cos(), -turn.cos() * shear.tan() - turn.sin()
    c, d = turn.sin(), -turn.sin() * shear.tan() + turn.cos()
    side = torch.where(mirrored, -1.0, 1.0).to(images.dtype)
    inverse = torch.stack((torch.stack((side * d, -side * b), 1), torch.stack((-c, a), 1)), 1) / scale[:, None, None]
    half = torch.tensor([width / 2, height / 2], device=images.device, dtype=images.dtype)
    offset = -(inverse @ (2 * shift * half)[:, :, None])
    theta = torch.cat((inverse * half[None, None, :], offset), 2) / half[None, :, None]
    grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode=padding, align_corners=False)


def recolour(images: Tensor, brightness: Tensor, contrast: Tensor, saturation: Tensor) -> Tensor:
    """Change brightness, contrast and (of colour images) saturation of each image.

    Args:
        images: [B, C, H, W].
        brightness: added, in spreads of the image, [B].
        contrast: factor about the image's mean, [B].
        saturation: factor about the pixel's grey, [B].
    """
    if images.shape[1] == 3:
        grey = images.mean(1, keepdim=True)
        images = torch.lerp(grey, images, _per_image(saturation))
    spread, mean = torch.std_mean(images, dim=(1, 2, 3), keepdim=True, correction=0)
    return torch.lerp(mean, images, _per_image(contrast)) + _per_image(brightness) * spread


def erase(images: Tensor, height: Tensor, width: Tensor, left: Tensor, top: Tensor) -> Tensor:
    """Fill a rectangle of each image with the image's mean (random erasing, Zhong et al. 2020, arXiv 1708.04896).

    Args:
        images: [B, C, H, W].
        height: of the rectangle, share of the image's, [B]; 0 erases nothing.
        width: likewise, [B].
        left: place between the two edges, 0 to 1, [B].
        top: likewise, [B].
    """
    rows = _within(images.shape[2], height, top)
    columns = _within(images.shape[3], width, left)
    inside = (rows[:, :, None] & columns[:, None, :])[:, None]
    return torch.where(inside, images.mean(dim=(2, 3), keepdim=True), images)


def _within(pixels: int, length: Tensor, place: Tensor) -> Tensor:
    """Return which pixels of a side lie in an interval, [B, pixels]."""
    centres = (torch.arange(pixels, device=length.device, dtype=length.dtype) + 0.5) / pixels
    start = (place * (1 - length).clamp(min=0))[:, None]
    return (centres >= start) & (centres < start + length[:, None])


def _per_image(values: Tensor) -> Tensor:
    return values[:, None, None, None]
