"""A folder of pictures, with or without stated splits, with broken files and random transforms."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.trainer.data.written import configured, write_pictures
from trainer.data import seeding
from trainer.data.fetch import Fetch
from trainer.data.source import DataError, Split, open_source


def whole(split: Split) -> torch.Tensor:
    inputs: torch.Tensor = Fetch(split.dataset, None, 0).read(np.arange(split.examples), transformed=False)[0]
    return inputs


def test_a_folder_a_class_is_opened_split_and_scaled(pictures: Path) -> None:
    source = open_source(configured(f"images:{pictures}"))
    assert source.classes == tuple("0123456789")
    assert source.input_shape == (1, 16, 16)
    assert source.test is not None
    assert source.train.examples + source.val.examples + source.test.examples == 120
    values = whole(source.train)
    assert abs(float(values.mean())) < 1e-5
    assert abs(float(values.std()) - 1) < 1e-3
    assert source.train.decoded_bytes == source.train.examples * 256
    assert (pictures / source.train.identities(3)).is_file()


def test_size_and_channels_are_as_asked(pictures: Path) -> None:
    source = open_source(configured(f"images:{pictures}", size=20, channels=3))
    assert source.input_shape == (3, 20, 20)
    assert whole(source.val).shape[1:] == (3, 20, 20)


def test_stated_splits_are_kept_and_missing_ones_made(tmp_path: Path, digits: tuple[np.ndarray, np.ndarray]) -> None:
    write_pictures(tmp_path / "train", digits, range(10))
    write_pictures(tmp_path / "valid", digits, range(10, 12))
    source = open_source(configured(f"images:{tmp_path}", test_fraction=0.2))
    assert source.test is not None
    assert (source.train.examples, source.val.examples, source.test.examples) == (80, 20, 20)
    assert all(source.val.identities(index).startswith("valid") for index in range(20))
    assert all(source.test.identities(index).startswith("train") for index in range(20))


def test_broken_and_foreign_files_are_left_out_and_counted(pictures: Path) -> None:
    (pictures / "0" / "broken.png").write_bytes(b"this is no picture")
    (pictures / "1" / "empty.jpg").write_bytes(b"")
    good = next((pictures / "2").iterdir())
    good.write_bytes(good.read_bytes()[:-40])
    (pictures / "3" / "notes.txt").write_text("not a picture at all")
    source = open_source(configured(f"images:{pictures}"))
    assert source.raw.unreadable == 3
    assert source.test is not None
    assert source.train.examples + source.val.examples + source.test.examples == 119


@pytest.mark.parametrize("mode", ["P", "RGBA", "LA", "I;16", "1", "CMYK"])
def test_pictures_of_any_mode_become_grey_or_colour(pictures: Path, mode: str) -> None:
    ramp = np.tile(np.arange(16, dtype=np.uint8) * 17, (16, 1))
    first = min((pictures / "0").iterdir())
    if mode == "I;16":
        Image.fromarray(ramp.astype(np.uint16) * 257).save(first)
    elif mode == "CMYK":
        Image.fromarray(ramp).convert("CMYK").save(first.with_suffix(".jpg"), quality=100)
        first.unlink()
    else:
        Image.fromarray(ramp).convert(mode).save(first)
    for channels in (1, 3):
        source = open_source(configured(f"images:{pictures}", channels=channels, standardise=False))
        splits = [source.train, source.val, source.test]
        names = [(split, index) for split in splits if split for index in range(split.examples)]
        split, index = next((one, at) for one, at in names if Path(one.identities(at)).stem == first.stem)
        pixels = whole(split)[index]
        assert pixels.shape[0] == channels
        if mode != "1":
            assert float((pixels - torch.from_numpy(ramp) / 255).abs().max()) < 0.1


def test_transforms_are_random_and_only_in_training(pictures: Path) -> None:
    source = open_source(configured(f"images:{pictures}", transforms=["rotate:30", "crop:3", "flip", "blur:2"]))
    train, val = source.train.dataset, source.val.dataset
    assert train is not None
    assert val is not None
    seeding.seed_fetch(1, 0, 0)
    first, second = train[0][0], train[0][0]
    seeding.seed_fetch(1, 0, 0)
    again = train[0][0]
    assert torch.equal(first, again)
    assert not torch.equal(first, second)
    assert torch.equal(val[0][0], val[0][0])


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param({"transforms": ["rotat:10"]}, "did you mean 'rotate'", id="unknown transform"),
        pytest.param({"transforms": ["rotate"]}, "degrees", id="no amount"),
        pytest.param({"transforms": ["crop:1.5"]}, "whole pixels", id="half a pixel"),
        pytest.param({"transforms": ["flip:2"]}, "takes no amount", id="amount too many"),
    ],
)
def test_transforms_that_cannot_be_are_told(pictures: Path, data: dict[str, object], says: str) -> None:
    with pytest.raises(DataError, match=says):
        open_source(configured(f"images:{pictures}", **data))


def test_folders_without_pictures_are_told(tmp_path: Path, digits: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(DataError, match="no such folder"):
        open_source(configured(f"images:{tmp_path / 'nowhere'}"))
    with pytest.raises(DataError, match="holds no images"):
        open_source(configured(f"images:{tmp_path}"))
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.png").write_bytes(b"nothing")
    with pytest.raises(DataError, match="none of its 1 images can be read"):
        open_source(configured(f"images:{tmp_path}"))


def test_one_class_is_not_enough(tmp_path: Path, digits: tuple[np.ndarray, np.ndarray]) -> None:
    write_pictures(tmp_path / "all", digits, range(5))
    for label in range(1, 10):
        for file in (tmp_path / "all" / str(label)).iterdir():
            file.unlink()
    with pytest.raises(DataError, match="one class, '0'"):
        open_source(configured(f"images:{tmp_path / 'all'}"))


def test_a_class_that_only_validation_has_is_told(tmp_path: Path, digits: tuple[np.ndarray, np.ndarray]) -> None:
    write_pictures(tmp_path / "train", digits, range(5))
    write_pictures(tmp_path / "val", digits, range(5, 7))
    (tmp_path / "val" / "9").rename(tmp_path / "val" / "ninth")
    with pytest.raises(DataError, match="class folder 'ninth'"):
        open_source(configured(f"images:{tmp_path}"))
