"""The survey sees what is wrong with the data, within its time."""

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.faults.data import Part
from tests.faults.mistakes import LOADERS
from tests.trainer.data.written import configured
from trainer.config import parse
from trainer.data.order import Order
from trainer.data.own import open_task
from trainer.data.source import Source, open_source
from trainer.task import Task
from trainer.watching.survey import survey
from trainer.words import Survey

FASHION = Path(os.environ.get("FASHION_MNIST", "/usr/share/datasets/fashion-mnist"))


def looked_at(source: Source, limit_s: float = 10.0, shuffle: bool = True) -> Survey:
    return survey(source, Order(source.train.examples, 32, 0, shuffle), limit_s)


def pair(inputs: Any, targets: Any, **task: Any) -> Source:
    config = parse({"task": {"factory": "mine.py:make"}}, "test")
    return open_task(Task(model=nn.Linear(1, 1), train=(inputs, targets), **task), config)


NUMBERS = np.random.default_rng(0)


def test_healthy_digits_show_nothing() -> None:
    source = open_source(configured("sklearn:digits"))
    found = looked_at(source)
    assert found.examples == found.sampled == source.train.examples
    assert (found.duplicate_share, found.val_overlap_share, found.test_overlap_share) == (0, 0, 0)
    assert (found.missing_share, found.constant_features, found.features, found.unreadable) == (0, 0, 1, 0)
    assert sum(found.class_counts) == source.train.examples
    assert abs(found.neighbour_label_match - 0.1) < 0.04
    assert found.input_mean < 0.05
    assert 0.9 < found.input_std_low <= found.input_std_high < 1.1
    assert found.seconds < 5


def test_copies_conflicts_and_overlap_are_counted() -> None:
    inputs, targets = NUMBERS.normal(size=(200, 5)), np.arange(200) % 2
    inputs[100:120] = inputs[:20]
    targets[100:110] = 1 - targets[:10]
    targets[110:120] = targets[10:20]
    val_inputs = np.concatenate([inputs[:15], NUMBERS.normal(size=(45, 5))])
    test_inputs = np.concatenate([inputs[50:53], NUMBERS.normal(size=(27, 5))])
    source = pair(inputs, targets, val=(val_inputs, np.arange(60) % 2), test=(test_inputs, np.arange(30) % 2))
    found = looked_at(source)
    assert found.duplicate_share == pytest.approx(20 / 200)
    assert found.conflicting_share == pytest.approx(20 / 200)
    assert found.val_overlap_share == pytest.approx(15 / 60)
    assert found.test_overlap_share == pytest.approx(3 / 30)


def test_a_measurement_that_was_repeated_is_no_copy_no_contradiction_and_no_leak() -> None:
    grid = np.tile(np.arange(0.0, 5.0, 0.1), 10)[:, None]
    found = looked_at(pair(grid[:400], NUMBERS.normal(size=400), val=(grid[400:], NUMBERS.normal(size=100))))
    assert (found.duplicate_share, found.conflicting_share, found.val_overlap_share) == (0, 0, 0)
    again = NUMBERS.normal(size=100)
    leaked = looked_at(pair(grid[:400], np.concatenate([again, NUMBERS.normal(size=300)]), val=(grid[:100], again)))
    assert leaked.val_overlap_share == 1


def test_what_a_short_look_finds_is_scaled_to_the_whole() -> None:
    inputs, targets = NUMBERS.normal(size=(100_000, 20)), np.arange(100_000) % 2
    inputs[50_000:70_000] = inputs[:20_000]
    val_inputs = np.concatenate([inputs[30_000:31_000], NUMBERS.normal(size=(1000, 20))])
    found = looked_at(pair(inputs, targets, val=(val_inputs, np.arange(2000) % 2)), limit_s=0.12)
    assert found.sampled < 100_000, "the time must have run out for this test to say anything"
    assert found.duplicate_share == pytest.approx(0.2, abs=0.12)
    assert found.val_overlap_share == pytest.approx(0.5, abs=0.25)


def test_scales_missing_and_constant_features_are_seen() -> None:
    inputs = NUMBERS.normal(size=(400, 4)) * [1, 5000, 1, 0] + [0, 0, 300, 7]
    inputs[::4, 0] = np.nan
    found = looked_at(pair(inputs, np.arange(400) % 2))
    assert found.missing_share == pytest.approx(1 / 16, rel=0.1)
    assert (found.features, found.constant_features) == (4, 1)
    assert found.input_std_low == pytest.approx(1, rel=0.2)
    assert found.input_std_high == pytest.approx(5000, rel=0.2)
    assert found.input_mean > 250
    assert found.input_abs_max > 5000


def test_an_order_that_is_not_shuffled_shows_in_the_neighbours() -> None:
    source = pair(NUMBERS.normal(size=(400, 3)), np.repeat([0, 1], 200))
    assert looked_at(source, shuffle=False).neighbour_label_match > 0.95
    assert abs(looked_at(source).neighbour_label_match - 0.5) < 0.1


def test_columns_of_a_table_are_described(mixed_csv: Path) -> None:
    found = looked_at(open_source(configured(f"csv:{mixed_csv}", target="target")))
    columns = {column.name: column for column in found.columns}
    assert columns["ash"].missing_share == pytest.approx(0.1, abs=0.06)
    assert columns["flavanoids"].correlation > 0.7
    assert columns["region"].unique == 2
    assert math.isnan(columns["region"].std)
    assert columns["region"].correlation > 0.4
    assert columns["bottle"].correlation == 0, "a name that each row has alone explains nothing"
    assert columns["alcohol"].mean == pytest.approx(13, abs=0.3)
    assert found.missing_share > 0
    assert found.input_std_high < 1.5, "0/1 inputs of categories have no scale"


def test_a_leaking_column_stands_out(tmp_path: Path) -> None:
    path = tmp_path / "leak.csv"
    values = NUMBERS.normal(size=120)
    path.write_text("\n".join(["x,leak,y", *[f"{NUMBERS.normal()},{value * 3},{value}" for value in values]]))
    found = looked_at(open_source(configured(f"csv:{path}", target="y")))
    assert {column.name: round(column.correlation, 1) for column in found.columns}["leak"] == 1.0
    assert math.isnan(found.neighbour_label_match)


def test_pictures_are_looked_at_without_their_random_transforms(pictures: Path) -> None:
    for file in sorted((pictures / "0").iterdir())[:6]:
        (pictures / "1" / f"copy{file.name}").write_bytes(file.read_bytes())
    source = open_source(configured(f"images:{pictures}", transforms=["rotate:20", "crop:2"], test_fraction=0))
    before = torch.get_rng_state()
    found = looked_at(source)
    assert torch.equal(before, torch.get_rng_state())
    shared = found.duplicate_share * source.train.examples + found.val_overlap_share * source.val.examples
    assert shared >= 6
    assert found.features == 1


def test_structures_and_tokens_have_no_scale() -> None:
    found = looked_at(pair(NUMBERS.integers(0, 9, size=(100, 12)), np.arange(100) % 2))
    assert found.features == 0
    assert math.isnan(found.input_std_high)


@pytest.mark.skipif(not FASHION.is_dir(), reason="Fashion-MNIST is not installed")
def test_fashion_mnist_is_surveyed_in_seconds() -> None:
    found = looked_at(open_source(configured(f"idx:{FASHION}")), limit_s=1.0)
    assert found.seconds < 10
    assert found.duplicate_share < 0.01


def test_examples_with_holes_that_reach_the_net_are_counted() -> None:
    inputs, targets = NUMBERS.normal(size=(200, 5)).astype(np.float32), np.arange(200) % 2
    inputs[:10, 1:3] = np.nan
    found = looked_at(pair(inputs, targets))
    assert found.broken_share == pytest.approx(0.05, abs=0.02)
    assert found.missing_share == pytest.approx(found.broken_share * 2 / 5)
    assert looked_at(pair(NUMBERS.normal(size=(200, 5)), targets)).broken_share == 0
    scores = NUMBERS.normal(size=200).astype(np.float32)
    scores[:20] = np.nan
    items = LOADERS["items"](Part(NUMBERS.normal(size=(200, 5)).astype(np.float32), scores), 1)
    source = open_task(Task(model=nn.Linear(5, 1), train=items), parse({"task": {"factory": "mine.py:make"}}, "test"))
    assert looked_at(source).broken_share == pytest.approx(0.1, abs=0.03)


def test_labels_that_belong_are_told_from_shuffled_ones_also_of_tokens() -> None:
    digits = looked_at(open_source(configured("sklearn:digits")))
    assert digits.label_association > 50
    assert digits.label_association_examples == 400
    tokens, targets = NUMBERS.integers(0, 40, size=(300, 12)), np.arange(300) % 2
    tokens[targets == 1, :4] = 7
    assert looked_at(pair(tokens, targets)).label_association > 20
    assert looked_at(pair(tokens, NUMBERS.permutation(targets))).label_association < 5


def test_where_there_are_too_few_examples_nothing_is_said_of_labels() -> None:
    few = looked_at(pair(NUMBERS.normal(size=(40, 5)), np.arange(40) % 2))
    assert math.isnan(few.label_association)


def test_a_few_values_far_out_are_counted_and_do_not_stand_for_the_spread() -> None:
    inputs = np.random.default_rng(1).normal(size=(1000, 4))
    sound = looked_at(pair(inputs, np.arange(1000) % 2))
    inputs[:5, 2] = -9999
    found = looked_at(pair(inputs, np.arange(1000) % 2))
    assert (sound.input_outlying_share, sound.input_reach < 5) == (0, True)
    assert 0 < found.input_outlying_share <= 5 / found.examples
    assert found.input_reach > 1000
    assert found.input_std_high < 1.1
    assert found.input_abs_max == 9999


def test_rare_categories_and_skewed_columns_are_no_few_values_far_out() -> None:
    random = np.random.default_rng(2)
    columns = [
        random.random(2000) < 0.01,
        random.random(2000) < 0.021,
        random.exponential(size=2000),
        random.poisson(0.3, 2000),
    ]
    found = looked_at(pair(np.stack(columns, 1).astype(np.float32), np.arange(2000) % 2))
    assert found.input_outlying_share == 0


def test_what_is_far_out_of_its_feature_alone_is_no_larger_than_what_surrounds_it() -> None:
    """The rim of pictures, pixel by pixel: dark but for traces, and once in a hundred lit like all the others."""
    random = np.random.default_rng(3)
    inputs = random.random((1000, 8))
    inputs[:, 5] = random.random(1000) / 250
    inputs[:10, 5] = 1.0
    pixels = looked_at(pair(inputs.astype(np.float32), np.arange(1000) % 2))
    inputs[:10, 5] = 200.0
    broken = looked_at(pair(inputs.astype(np.float32), np.arange(1000) % 2))
    assert (pixels.input_outlying_share, pixels.input_reach) == (0, 0)
    assert broken.input_outlying_share == pytest.approx(0.01, abs=0.005)
    assert broken.input_reach > 1000
