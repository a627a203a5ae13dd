from math import inf, isnan, nan

import pytest

from advisor.gathering.gather import gather
from rules.facts import ProbeFacts
from tests.advisor.literal import started, told
from trainer.wire import KnobsConfirmed, Probed
from trainer.words import Change


@pytest.mark.parametrize(
    ("knob", "left"),
    [
        pytest.param("weight_decay", {"zeroed_input"}, id="another training"),
        pytest.param("lr", {"lr_sweep", "zeroed_input"}, id="the rate"),
    ],
)
def test_probes_that_train_are_forgotten_when_the_training_is_another_one(knob: str, left: set[str]) -> None:
    answers = [Probed(probe=probe, seconds=0.1, result={}) for probe in ("lr_sweep", "zeroed_input")]
    change = Change(knob=knob, old=0.2, new=0.002)
    signals = told(started(), *answers, KnobsConfirmed(step=10, changes=(change,), trial="t1"))
    assert set(signals.probes) == left


def test_a_sweep_tells_up_to_which_rate_its_loss_was_a_number() -> None:
    sweep = {"pick": nan, "spread": inf, "rates": [1e-5, 1e-4, 1e-3], "losses": [2.3, 2.3, nan]}
    facts = gather(told(started(), Probed(probe="lr_sweep", seconds=0.1, result=sweep))).groups["probes"]
    assert isinstance(facts, ProbeFacts)
    assert facts.lr_finite_to == 1e-4


def test_a_sweep_under_another_optimizer_tells_its_rate_beside_that_of_the_own_one() -> None:
    own = Probed(probe="lr_sweep", seconds=0.1, result={"pick": 0.5, "spread": 1.0})
    other = Probed(probe="adaptive_sweep", seconds=0.1, result={"pick": 0.01, "spread": 1.0})
    facts = gather(told(started(), own, other)).groups["probes"]
    assert isinstance(facts, ProbeFacts)
    assert (facts.lr_pick, facts.adaptive_pick) == (0.5, 0.01)


def test_a_probe_that_could_not_tell_is_done_with_nothing_picked() -> None:
    answer = {"pick": None, "spread": "NaN"}
    probes = gather(told(started(), Probed(probe="lr_sweep", seconds=1.0, result=answer))).groups["probes"]
    assert isinstance(probes, ProbeFacts)
    assert "lr_sweep" in probes.done
    assert isnan(probes.lr_pick)
    assert isnan(probes.lr_spread)


@pytest.mark.parametrize(
    ("said", "moved"), [pytest.param({"moved": 0.02}, 0.02, id="told"), pytest.param({}, nan, id="not")]
)
def test_a_sweep_tells_how_far_it_moved_the_weights(said: dict[str, float], moved: float) -> None:
    sweep = {"pick": nan, "spread": inf, "rates": [1e-3], "losses": [2.0], **said}
    facts = gather(told(started(), Probed(probe="lr_sweep", seconds=0.1, result=sweep))).groups["probes"]
    assert isinstance(facts, ProbeFacts)
    assert facts.lr_moved_share == pytest.approx(moved, nan_ok=True)
