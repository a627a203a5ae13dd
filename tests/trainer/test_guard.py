"""The guard as a value: what stands out, when no snapshot is taken, what is forgotten."""

import random
from math import inf, nan
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.trainer.running import config_of, of, training_of
from trainer.stepping.guard import FEWEST, WINDOW, Guard, Outlier
from trainer.stepping.step import take_step
from trainer.wire import GuardActed


def taught(losses: list[float], norms: list[float] | None = None) -> Guard:
    guard = Guard(active=True)
    guard.learn(norms or [1.0 + 0.01 * (n % 7) for n in range(len(losses))], losses)
    return guard


def noisy(level: float, count: int, seed: int = 0) -> list[float]:
    draw = random.Random(seed)
    return [level * draw.uniform(0.8, 1.2) for _ in range(count)]


@pytest.mark.parametrize(
    ("loss", "norm", "outlier"),
    [
        pytest.param(1.0, 1.0, "", id="a step like the others"),
        pytest.param(9.0, 1.0, "loss_outlier", id="loss"),
        pytest.param(1.0, 9.0, "gradient_outlier", id="gradient"),
        pytest.param(9.0, 9.0, "gradient_outlier", id="both"),
        pytest.param(1.9, 1.9, "", id="under twice the usual"),
        pytest.param(0.0, 0.0, "", id="better than the others"),
    ],
)
def test_one_sided_outliers_of_loss_and_gradient(loss: float, norm: float, outlier: Outlier) -> None:
    assert taught(noisy(1.0, WINDOW)).outlier(loss, norm) == outlier


def test_too_few_steps_say_nothing() -> None:
    assert taught(noisy(1.0, FEWEST - 1)).outlier(1e9, 1e9) == ""


def test_a_hard_example_is_no_outlier_of_a_net_that_knows_nearly_all() -> None:
    guard = taught(noisy(2.3, 40))
    for _ in range(4):
        guard.learn([0.1] * 50, noisy(0.002, 50))
    assert guard.outlier(0.4, 0.1) == ""
    assert guard.outlier(4.0, 0.1) == "loss_outlier"


def test_while_the_loss_climbs_no_state_is_one_to_go_back_to() -> None:
    guard = taught(noisy(0.5, 100))
    assert not guard.armed(1000)
    guard.learn([1.0] * 20, noisy(1.2, 20))
    assert guard.armed(1000)
    guard.learn([1.0] * WINDOW, noisy(1.2, WINDOW))
    assert not guard.armed(1000), "a loss that stays where it is has another meaning now: the snapshots go on"


def test_after_the_guard_has_acted_no_state_is_taken_for_a_while() -> None:
    guard = taught(noisy(1.0, WINDOW))
    guard.acted_step = 990
    assert guard.armed(1000)
    assert not guard.armed(1000 + FEWEST)


def test_what_is_forgotten_is_no_limit_any_more() -> None:
    guard = taught(noisy(1.0, WINDOW))
    guard.forget()
    assert (guard.limit, guard.loss_limit, guard.usual, guard.climbing) == (inf, inf, inf, False)


@given(st.lists(st.one_of(st.floats(-1e6, 1e6), st.sampled_from([nan, inf, -inf])), max_size=300))
def test_any_losses_leave_a_usable_guard(losses: list[float]) -> None:
    guard = Guard(active=True)
    guard.learn(losses, losses)
    assert guard.limit == guard.limit
    assert guard.loss_limit == guard.loss_limit
    assert guard.outlier(nan, nan) == ""


@pytest.mark.parametrize(("clip", "whys"), [(0.0, ["gradient_outlier"]), (1e-3, [])])
def test_a_gradient_that_the_runs_own_clipping_tames_is_no_outlier(
    tmp_path: Path, clip: float, whys: list[str]
) -> None:
    training, heard = training_of(tmp_path, config_of(clip=clip))
    training.guard.learn([8e-4] * WINDOW, [2.3] * WINDOW)
    take_step(training, training.supply.take())
    assert [event.why for event in of(heard, GuardActed)] == whys


@pytest.mark.parametrize(
    ("ratio", "loss", "deed"),
    [(2, 2.3, ""), (6, 2.3, "saw"), (60, 2.3, "saw"), (6, 0.1, "saw"), (60, 0.1, "clipped"), (200, 2.3, "clipped")],
)
def test_an_outlier_is_clipped_only_where_the_step_would_do_harm(
    tmp_path: Path, ratio: float, loss: float, deed: str
) -> None:
    bare, _ = training_of(tmp_path / "bare", config_of(clip=0.0))
    free = float(take_step(bare, bare.supply.take()).norm or 0.0)
    training, heard = training_of(tmp_path / "guarded", config_of(clip=0.0))
    training.guard.learn([free / ratio] * WINDOW, [loss] * WINDOW)
    taken = take_step(training, training.supply.take())
    assert [event.deed for event in of(heard, GuardActed)] == [deed] * bool(deed)
    assert taken.clipped == (deed == "clipped")
    same = all(map(torch.equal, training.model.parameters(), bare.model.parameters()))
    assert same == (deed != "clipped"), "a step that does no harm is taken to the bit as nobody's"


def test_where_the_usual_gradient_is_nothing_none_is_clipped() -> None:
    guard = taught(noisy(1.0, WINDOW), [0.0] * WINDOW)
    assert guard.outlier(1.0, 0.5) == "gradient_outlier"
    assert not guard.clips("gradient_outlier", 9.0, 0.5)
