"""IDX files, zipped or not, become pictures with the official test split."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.trainer.data.written import configured
from trainer.data.source import DataError, open_source

FASHION = Path(os.environ.get("FASHION_MNIST", "/usr/share/datasets/fashion-mnist"))
"""Where Debian's package dataset-fashion-mnist puts its files."""


@pytest.mark.parametrize("zipped", [True, False])
def test_the_official_test_files_are_the_test_split(idx_folder: Callable[..., Path], zipped: bool) -> None:
    source = open_source(configured(f"idx:{idx_folder(zipped=zipped)}", val_fraction=0.1))
    assert source.test is not None
    assert (source.train.examples, source.val.examples, source.test.examples) == (1350, 150, 297)
    assert source.test.identities(0) == "t10k 0"
    assert source.input_shape == (1, 8, 8)


def test_without_test_files_a_test_split_is_made(idx_folder: Callable[..., Path]) -> None:
    source = open_source(configured(f"idx:{idx_folder(test=False)}"))
    assert source.test is not None
    assert source.train.examples + source.val.examples + source.test.examples == 1500


def test_missing_and_broken_files_are_told(idx_folder: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        open_source(configured(f"idx:{tmp_path / 'nowhere'}"))
    with pytest.raises(DataError, match="has no file train-images"):
        open_source(configured(f"idx:{tmp_path}"))
    folder = idx_folder(zipped=False)
    images = folder / "train-images-idx3-ubyte"
    images.write_bytes(images.read_bytes()[:-5])
    with pytest.raises(DataError, match="cut off"):
        open_source(configured(f"idx:{folder}"))
    images.write_bytes(b"GIF89a")
    with pytest.raises(DataError, match="not an IDX file"):
        open_source(configured(f"idx:{folder}"))


@pytest.mark.skipif(not FASHION.is_dir(), reason="Fashion-MNIST is not installed")
def test_fashion_mnist_loads_in_seconds() -> None:
    begin = time.perf_counter()
    source = open_source(configured(f"idx:{FASHION}"))
    assert time.perf_counter() - begin < 15
    assert source.test is not None
    assert (source.train.examples, source.val.examples, source.test.examples) == (48_000, 12_000, 10_000)
    assert source.train.targets is not None
    assert torch.bincount(source.train.targets).tolist() == [4800] * 10
