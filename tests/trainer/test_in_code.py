"""What a kept change comes to in the user's own code."""

from pathlib import Path

import pytest

from tests.trainer.running import config_of, training_of
from trainer.config import parse
from trainer.knobs import KnobValue
from trainer.surgery.in_code import in_code
from trainer.words import Change

TASK = """
import numpy as np
from torch import nn
from sklearn.datasets import load_digits
from trainer import Task

def task(seed):
    digits = load_digits()
    model = nn.Sequential(nn.Linear(64, 8), nn.Sigmoid(), nn.Linear(8, 10))
    return Task(model=model, train=(digits.data.astype(np.float32), digits.target.astype(np.int64)))
"""


@pytest.mark.parametrize(
    ("knob", "old", "new", "said"),
    [
        ("activation", "own", "relu", "in your model, replace nn.Sigmoid by nn.ReLU: 1"),
        ("init", "own", "he", "in your model, initialise by he"),
        ("standardise", False, True, "in your data set, take from each input feature its mean"),
        ("shuffle", False, True, "shuffle=True"),
        ("sampler", "none", "balanced", "WeightedRandomSampler, each with weight n^-1,"),
        ("logit_adjustment", 0.0, 0.5, "add 0.5 * log(n / N) of each class to its output"),
        ("focal", 0.0, 2.0, "by (1 - p) ** 2, p the probability"),
        ("loss", "own", "standard", "train on nn.CrossEntropyLoss() of the raw outputs"),
    ],
)
def test_a_change_is_said_as_a_line_of_code(
    tmp_path: Path, knob: str, old: KnobValue, new: KnobValue, said: str
) -> None:
    (tmp_path / "mine.py").write_text(TASK)
    surgery = {knob: new} if knob in ("activation", "init") else {}
    config = parse({"task": {"factory": f"{tmp_path / 'mine.py'}:task"}, "train": surgery}, "test")
    training, _ = training_of(tmp_path / "run", config)
    (line,) = in_code(training, [Change(knob=knob, old=old, new=new)])
    assert said in line
    assert in_code(training, [Change(knob=knob, old=new, new=old)]) == ()


def test_a_rate_and_a_named_model_need_no_code(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path / "run", config_of())
    changes = [Change(knob="lr", old=0.1, new=0.2), Change(knob="standardise", old=False, new=True)]
    assert in_code(training, changes) == ()
