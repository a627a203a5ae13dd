"""Pictures on disk as a data set of items: decoded one by one, transformed at random, finished as a batch.

A file that turns out to be broken never ends a run: the next readable picture of the same class stands in for it, the
same one every time, and the file is counted.
"""

from pathlib import Path

import torch
from torch.utils.data import Dataset

from trainer.data.picture import BROKEN, PictureFormat, decode, to_image, to_tensor
from trainer.data.transforms import Transform


class PictureItems(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Picture files with a class each; cheap to send to worker processes."""

    def __init__(
        self,
        paths: list[str],
        targets: torch.Tensor,
        picture: PictureFormat,
        transforms: tuple[Transform, ...] = (),
    ) -> None:
        self.paths = paths
        self.targets = targets
        self.picture = picture
        self.transforms = transforms
        self.broken = torch.zeros(len(paths), dtype=torch.bool).share_memory_()  # type: ignore[no-untyped-call]
        """Files found broken, by whichever process found them."""

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.picture.finish(self.transform(self.decode(index))), self.targets[index]

    @property
    def decoded_shape(self) -> tuple[int, ...]:
        """Shape of one decoded item, in bytes."""
        return self.picture.shape

    def decode(self, index: int) -> torch.Tensor:
        """Return a picture as bytes [C, H, W]; the same for the same index, whatever the seed."""
        if not self.broken[index]:
            try:
                return self._read(index)
            except BROKEN:
                self.broken[index] = True
        for neighbour in self._neighbours(index):
            if not self.broken[neighbour]:
                try:
                    return self._read(neighbour)
                except BROKEN:
                    self.broken[neighbour] = True
        return torch.zeros(self.picture.shape, dtype=torch.uint8)

    def transform(self, decoded: torch.Tensor) -> torch.Tensor:
        """Return the picture after this data set's random transforms, drawn from the seeded generators."""
        if not self.transforms:
            return decoded
        image = to_image(decoded)
        for transform in self.transforms:
            image = transform(image)
        return to_tensor(image)

    def finish(self, batch: torch.Tensor) -> torch.Tensor:
        """Return a batch of bytes [B, C, H, W] as model inputs."""
        return self.picture.finish(batch)

    def _read(self, index: int) -> torch.Tensor:
        return decode(Path(self.paths[index]), *self.picture.shape)

    def _neighbours(self, index: int) -> list[int]:
        """Return the other pictures of the same class, from this one on and around."""
        same = (self.targets == self.targets[index]).nonzero().flatten().tolist()
        return [one for one in same if one > index] + [one for one in same if one < index]
