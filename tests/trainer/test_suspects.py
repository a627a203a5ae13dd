"""Suspects are shown as small pictures or rows, read without touching the run's random numbers."""

from base64 import b64decode

import numpy as np
import torch

from tests.trainer.running import config_of
from trainer.data.source import Column, Source, Split, open_source
from trainer.suspects import SHOWN_MOST, SIDE_PIXELS, pictures, rows


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


def test_a_row_leaves_out_what_is_missing() -> None:
    columns = (Column("age", np.array([41.0, np.nan])), Column("town", np.array(["Ulm", None], dtype=object)))
    assert rows(columns, [0, 1]) == ({"age": 41.0, "town": "Ulm"}, {})
    assert rows((), [0, 1]) == ()
