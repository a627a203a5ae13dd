"""What watching costs is measured by stretches in turns; bare ones lose nothing that counts, and lockstep has none."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from tests.trainer.running import of, training_of
from trainer.stepping.step import take_step
from trainer.training import Training
from trainer.watching.cost import (
    LABEL_EPOCHS,
    TELL_PAIRS,
    Cost,
    Estimate,
    Pair,
    Stretch,
    cost_share,
    look_seconds,
    slope_of,
)
from trainer.watching.looks import EVERY_STEPS_LEAST, Looks
from trainer.wire import Event, WatchingMeasured

BARE_S = 1e-3
"""A step that nobody watches."""


@dataclass
class Run:
    """A run whose steps take as long as is said, by a clock that nothing else moves."""

    training: Training
    heard: list[Event]
    now_s: float = 0.0

    def __post_init__(self) -> None:
        self.training.lockstep = False
        self.cost = Cost(self.training, self.clock, self.clock)

    def clock(self) -> float:
        return self.now_s

    def steps(self, count: int, watching_s: float) -> None:
        for _ in range(count):
            self.now_s += BARE_S + (0.0 if self.training.bare else watching_s)
            self.cost.step()

    def told(self) -> list[WatchingMeasured]:
        return of(self.heard, WatchingMeasured)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(*training_of(tmp_path))


ENOUGH = 50_000
"""Steps of a dozen pairs of stretches at that pace."""


def test_a_known_cost_is_measured_and_a_tier_gives_way(run: Run) -> None:
    run.steps(ENOUGH, watching_s=0.05 * BARE_S)
    first = run.told()[0]
    assert first.share == pytest.approx(0.05)
    assert first.pairs == TELL_PAIRS
    assert first.shed == run.training.shed[:1] == ("layers",)


def test_labels_give_way_only_when_they_were_watched_for_a_dozen_epochs(run: Run) -> None:
    assert run.training.labels is not None
    run.steps(3 * ENOUGH, watching_s=0.05 * BARE_S)
    assert run.training.shed == ("layers", "beats")
    run.training.labels.pass_by(LABEL_EPOCHS * run.training.labels.examples)
    run.steps(ENOUGH, watching_s=0.05 * BARE_S)
    assert run.training.shed == ("layers", "beats", "labels")


def test_under_the_limit_all_tiers_stay(run: Run) -> None:
    run.steps(ENOUGH, watching_s=0.005 * BARE_S)
    assert [one.shed for one in run.told()] == [()]
    assert run.told()[0].share == pytest.approx(0.005)


def test_what_is_done_apart_and_what_is_asked_for_count_for_no_stretch(run: Run) -> None:
    for number in range(ENOUGH // 10):
        run.steps(10, watching_s=0.0)
        if not run.training.bare:
            with run.cost.apart():
                run.now_s += BARE_S
        if number % 3000 == 0:
            run.now_s += 1.0
            run.cost.spoil()
    assert run.told()[0].share == pytest.approx(0.0, abs=1e-6)


def test_in_lockstep_no_stretch_is_bare(tmp_path: Path) -> None:
    training, heard = training_of(tmp_path)
    cost = Cost(training)
    bare = []
    for _ in range(2000):
        cost.step()
        bare.append(training.bare)
    assert not any(bare)
    assert not of(heard, WatchingMeasured)


def test_a_bare_step_trains_the_same_and_its_examples_are_counted(tmp_path: Path) -> None:
    (watched, _), (bare, _) = training_of(tmp_path / "a"), training_of(tmp_path / "b")
    bare.bare = True
    for training in (watched, bare):
        for _ in range(4):
            batch = training.supply.take()
            layers = Looks(training).at(batch)
            assert (layers is None) is training.bare
            take_step(training, batch, layers)
    assert all(
        (one == other).all() for one, other in zip(watched.model.parameters(), bare.model.parameters(), strict=True)
    )
    assert watched.labels is not None
    assert bare.labels is not None
    assert watched.labels._seen == bare.labels._seen > 0
    assert not bare.labels._waiting


def test_the_share_and_its_error_are_those_of_the_pairs() -> None:
    told = cost_share([Pair(1e-5, 1e-3), Pair(3e-5, 1e-3)])
    assert told.value == pytest.approx(0.02)
    assert told.error == pytest.approx(2 * 1e-5 * 2**0.5 / 2**0.5 / 1e-3)


def test_a_look_that_only_one_pair_of_many_has_held_is_not_trimmed_away() -> None:
    pairs = [Pair(0.05, 1.0, looks=0.01), *[Pair(0.0, 1.0)] * 19]
    assert cost_share(pairs).value == 0.0
    assert cost_share(pairs, Estimate(5.0, 0.0), Estimate(0.01, 0.0)).value == pytest.approx(0.05)


def test_what_a_look_adds_is_read_off_stretches_of_unequal_looks() -> None:
    slope = slope_of([Stretch(1.0 + 3.0 * looks, 1.0, looks) for looks in (0.0, 0.0, 0.5, 1.0)])
    assert slope is not None
    assert slope.look_s == pytest.approx(3.0)
    assert slope_of([Stretch(1.0, 1.0, 0.5), Stretch(2.0, 1.0, 0.5)]) is None
    assert look_seconds([slope] * 3).value == pytest.approx(3.0)
    assert look_seconds([slope] * 3).error == pytest.approx(0.0)


def told_with_looks(run: Run, step_s: float, every: int, share: float, seed: int) -> Iterator[WatchingMeasured]:
    """Train with looks that are all of the cost, and yield what is told of it."""
    run.training.shed, run.cost = (), Cost(run.training, run.clock, run.clock, Random(seed))
    heard = len(run.heard)
    for step in range(10_000_000):
        looked = step % every == 0 and not run.training.bare
        run.now_s += step_s + (share * step_s * every if looked else 0.0)
        run.cost.step(looked=looked)
        if len(run.heard) > heard:
            heard = len(run.heard)
            yield run.told()[-1]


@pytest.mark.parametrize("step_s", [0.001, 0.005, 0.05, 0.5])
def test_looks_every_hundred_steps_are_told_within_the_error(run: Run, step_s: float) -> None:
    for seed in range(3):
        told = next(told_with_looks(run, step_s, every=100, share=0.05, seed=seed))
        assert told.share == pytest.approx(0.05, abs=told.error)
        assert 0 < told.error < 0.05 < 2 * told.share


@pytest.mark.parametrize("every", [19, 37])
def test_looks_that_cost_less_than_the_limit_shed_nothing(run: Run, every: int) -> None:
    for seed in range(20):
        told = told_with_looks(run, 0.05, every, share=0.0075, seed=seed)
        assert [next(told).shed for _ in range(2)] == [(), ()]


def test_a_look_that_falls_due_in_a_bare_stretch_lapses(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path)
    looks, batch = Looks(training), training.supply.take()
    seen = []
    for step in range(40):
        training.progress.step = step
        training.bare = 6 <= step < 10
        probe = looks.at(batch)
        if probe is not None:
            probe.give_up()
            seen.append(step)
            training.progress.step = step + 1
            looks.tell(probe, batch)
    assert seen[0] == 0
    assert {later - earlier for earlier, later in pairwise(seen)} == {
        EVERY_STEPS_LEAST + 1,
        2 * (EVERY_STEPS_LEAST + 1),
    }
