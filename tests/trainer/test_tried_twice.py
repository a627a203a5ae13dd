"""Before the first step: does the model judge alike each time, and does a gradient stay what it is?"""

from math import isnan
from pathlib import Path

import pytest
import torch

from tests.faults.cases import find
from tests.trainer.running import training_of
from trainer.probing.tried_twice import tried_twice
from trainer.training import Training


def of(case: str, folder: Path) -> Training:
    return training_of(folder, find(case).config("faulty", 0, "watch"))[0]


@pytest.mark.parametrize("case", ["ok_sgd", "ok_batch_norm_dropout", "ok_text_cosine", "ok_friedman"])
def test_a_sound_net_judges_alike_and_has_one_gradient(case: str, tmp_path: Path) -> None:
    assert tried_twice(of(case, tmp_path)) == {"evaluation_difference": 0.0, "left_training": 0, "gradient_added": 0.0}


def test_modules_that_stay_in_training_are_counted(tmp_path: Path) -> None:
    norms = tried_twice(of("evaluates_in_train_mode_norm", tmp_path))
    assert norms["left_training"] == 4
    assert norms["evaluation_difference"] == 0.0, "the statistics of a batch are the same twice"
    assert tried_twice(of("evaluates_in_train_mode", tmp_path))["evaluation_difference"] > 0.1


def test_dropout_that_is_not_told_the_mode_shows_in_the_outputs(tmp_path: Path) -> None:
    found = tried_twice(of("evaluates_in_train_mode_friedman", tmp_path))
    assert found["left_training"] == 0
    assert found["evaluation_difference"] > 0.05


def test_a_gradient_that_is_never_zeroed_is_added_whole(tmp_path: Path) -> None:
    assert tried_twice(of("gradients_pile_up", tmp_path))["gradient_added"] == pytest.approx(1.0, abs=0.01)


def test_a_gradient_that_hooks_keep_is_added_too(tmp_path: Path) -> None:
    assert tried_twice(of("gradients_kept_by_hooks", tmp_path))["gradient_added"] > 0.1


@pytest.mark.parametrize("case", ["ok_batch_norm_dropout", "gradients_pile_up"])
def test_the_run_is_as_it_was(case: str, tmp_path: Path) -> None:
    training = of(case, tmp_path)
    before = {name: value.clone() for name, value in training.model.state_dict().items()}
    random, place = torch.get_rng_state(), training.supply.place
    modes = [module.training for module in training.model.modules()]
    tried_twice(training)
    assert torch.equal(random, torch.get_rng_state())
    assert training.supply.place == place
    assert all(torch.equal(value, before[name]) for name, value in training.model.state_dict().items())
    assert all(parameter.grad is None for parameter in training.model.parameters())
    assert modes == [module.training for module in training.model.modules()]


def test_a_model_that_fails_only_here_is_left_to_the_run(tmp_path: Path) -> None:
    training = of("ok_sgd", tmp_path)
    training.model.register_forward_hook(lambda *_: 1 / 0)
    found = tried_twice(training)
    assert isnan(found["evaluation_difference"])
    assert isnan(found["gradient_added"])
