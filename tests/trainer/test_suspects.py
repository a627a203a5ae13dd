"""Suspects are shown as small pictures or rows, read without touching the run's random numbers."""

from base64 import b64decode
from weakref import ref

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

from tests.trainer.running import config_of
from trainer.data.source import Column, Source, Split, open_source
from trainer.data.table import fit
from trainer.watching.suspects import COLUMNS_MOST, SHOWN_MOST, SIDE_PIXELS, TEXT_MOST, pictures, rows


def source_of(examples: torch.Tensor, **fields: object) -> Source:
    split = Split(len(examples), str, tensors=(examples, torch.zeros(len(examples))))
    given = {"name": "n", "kind": "classification", "inputs": "image", "classes": ("a",), "preprocessing": {}}
    return Source(**{**given, **fields}, input_shape=examples.shape[1:], train=split, val=split, test=None)  # type: ignore[arg-type]


def test_a_scaled_picture_comes_out_as_it_was_before() -> None:
    raw = torch.arange(64, dtype=torch.float32).reshape(1, 1, 8, 8) / 64
    about = {"kind": "image", "mean": [0.3], "std": [0.2]}
    (one,) = pictures(source_of((raw - 0.3) / 0.2, preprocessing=about), [0])
    assert (one.width, one.height, one.channels) == (8, 8, 1)
    assert np.frombuffer(b64decode(one.pixels), np.uint8).tolist() == (raw * 255).round().flatten().tolist()


def test_large_pictures_become_small_and_many_become_few() -> None:
    shown = pictures(source_of(torch.rand(100, 3, 40, 80)), list(range(100)))
    assert len(shown) == SHOWN_MOST
    assert (shown[0].width, shown[0].height, shown[0].channels) == (SIDE_PIXELS, SIDE_PIXELS // 2, 3)


def test_pictures_are_read_without_moving_a_random_generator() -> None:
    source = open_source(config_of())
    before = torch.random.get_rng_state()
    assert len(pictures(source, [3, 1, 2])) == 3
    assert torch.equal(torch.random.get_rng_state(), before)


def test_what_cannot_be_read_is_not_shown() -> None:
    assert pictures(source_of(torch.rand(2, 1, 8, 8)), [99]) == ()
    assert pictures(source_of(torch.rand(2, 5), inputs="table"), [0]) == ()


def test_pictures_of_unequal_size_keep_their_places_around_one_that_cannot_be_read() -> None:
    class Files(Dataset[tuple[torch.Tensor, int]]):
        def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
            if index == 1:
                raise OSError("cut off")
            return torch.rand(3, 40, 20 * (index + 1)), 0

    source = source_of(torch.rand(4, 3, 8, 8))
    source.train = Split(4, str, dataset=Files())
    shown = pictures(source, [0, 1, 2, 1])
    assert [(one.width, one.height) for one in shown] == [(8, 16), (1, 1), (16, 11)]
    assert pictures(source, [1]) == ()


def test_each_picture_is_small_before_the_next_one_is_read() -> None:
    held: list[int] = []

    class Large(Dataset[tuple[torch.Tensor, int]]):
        def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
            held.append(sum(one() is not None for one in given))
            image = torch.zeros(3, 64, 64)
            given.append(ref(image))
            return image, 0

    given: list[ref[torch.Tensor]] = []
    source = source_of(torch.rand(4, 3, 8, 8))
    source.train = Split(4, str, dataset=Large())
    assert len(pictures(source, [0, 1, 2, 3])) == 4
    assert held == [0, 0, 0, 0]


def test_slow_pictures_are_shown_as_far_as_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.watching.suspects.READING_S", 0.0)
    assert len(pictures(source_of(torch.rand(9, 1, 8, 8)), list(range(9)))) == 1


def test_a_row_leaves_out_what_is_missing() -> None:
    towns = np.array(["Ulm", None, "Ulm"], dtype=object)
    columns = (Column("age", np.array([41.0, np.nan, 7.0])), Column("town", towns))
    assert rows(columns, [0, 1]) == ({"age": 41.0, "town": "Ulm"}, {})
    assert rows((), [0, 1]) == ()


def test_texts_that_the_model_has_no_input_for_are_left_out_and_long_ones_cut() -> None:
    letters = Column("letter", np.array([f"Dear {name}" for name in range(40)], dtype=object))
    names = Column("name", np.array([f"name {at // 3 if at < 30 else at}" for at in range(40)], dtype=object))
    long = Column("terms", np.array(["x" * 50_000, None] * 20, dtype=object))
    number = Column("age", np.arange(40.0))
    told = rows((*[letters] * COLUMNS_MOST, names, long, number), [0, 39])
    assert told == ({"name": "name 0", "terms": "x" * TEXT_MOST, "age": 0.0}, {"age": 39.0})


def test_the_texts_of_a_row_are_those_that_were_fitted() -> None:
    drawn = np.random.default_rng(0).zipf(1.3, 2000) % 300
    values = np.array([None if one == 7 else f"town {one}" for one in drawn], dtype=object)
    columns = (Column("town", values),)
    (fitted,) = fit({"town": values}, standardise=True)["columns"]
    told = [row for at in range(0, 2000, SHOWN_MOST) for row in rows(columns, range(at, min(at + SHOWN_MOST, 2000)))]
    assert {row["town"] for row in told if row} == {*fitted["values"]} - {""}
