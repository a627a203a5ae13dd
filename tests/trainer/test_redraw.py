"""Shuffling and sampler are knobs: they turn in the middle of an epoch, and what is put back goes on to the bit."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch

from advisor.driving.plan import plan_of
from tests.trainer.running import of, run_with, training_of
from trainer.commands import Command, Confirm, Decide, Fork, Turn
from trainer.config import Config, ConfigError, parse
from trainer.knobs import KnobError
from trainer.setup import SetupError, build
from trainer.state import checkpoint
from trainer.state.checkpoint import Beside
from trainer.state.snapshot import restore, take
from trainer.stepping.step import take_step
from trainer.training import Training
from trainer.trials.plan import PLAN_FILE
from trainer.turning import turn, turn_back
from trainer.wire import ArmScored, BeatTaken, Event, KnobsTurned, Surveyed, TrialEnded
from trainer.words import Turned

TASK = """
import torch, trainer
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

LABELS = torch.arange(4).repeat_interleave(torch.tensor([60, 40, 15, 5]))
INPUTS = torch.randn(120, 6, generator=torch.Generator().manual_seed(0)) + LABELS[:, None]

class Items(Dataset):
    targets = LABELS
    def __len__(self):
        return 120
    def __getitem__(self, i):
        return INPUTS[i] + 0.1 * torch.rand(6), LABELS[i]

def task(train, **more):
    return trainer.Task(model=nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 4)), train=train,
                        val=(INPUTS[::3], LABELS[::3]), **more)

def in_order():
    return task(DataLoader(TensorDataset(INPUTS, LABELS)))
def shuffled():
    return task(DataLoader(Items(), shuffle=True))
def items_in_order():
    return task(DataLoader(Items(), shuffle=False))
def film():
    return task(Items(), order_matters=True)
def number():
    return trainer.Task(model=nn.Linear(6, 1), train=(INPUTS, LABELS.float() / 2))
"""

SHUFFLED = (Turned(knob="shuffle", to=True),)
EVENLY = (Turned(knob="sampler", to="balanced"),)


def own(folder: Path, function: str, **train: Any) -> Config:
    (folder / "task.py").write_text(TASK)
    asked = {"batch_size": 8, "epochs": 6, "lr": 0.01} | train
    return parse({"task": {"factory": f"{folder / 'task.py'}:{function}"}, "train": asked}, "test")


def steps(training: Training, count: int) -> list[float]:
    training.model.train()
    return [float(take_step(training, training.supply.take()).loss) for _ in range(count)]


def epoch(training: Training) -> list[int]:
    """The examples of the epoch that the run stands in, from here to its end."""
    ahead = [one for one in training.supply.tickets_ahead(15) if one.epoch == training.supply.place.epoch]
    return [int(index) for ticket in ahead for index in ticket.indices]


@pytest.mark.parametrize("turns", [SHUFFLED, EVENLY, (*SHUFFLED, Turned(knob="sampler", to="sqrt"))])
@pytest.mark.parametrize(("function", "workers"), [("in_order", 0), ("items_in_order", 0), ("items_in_order", 2)])
def test_a_state_after_a_turn_within_an_epoch_goes_on_to_the_bit(
    tmp_path: Path, function: str, workers: int, turns: tuple[Turned, ...]
) -> None:
    asked = {"workers": workers} if workers else {}
    training, _ = training_of(tmp_path, own(tmp_path, function, **asked))
    steps(training, 4)
    turn(training, turns)
    steps(training, 3)
    snapshot = take(training)
    checkpoint.write(tmp_path / "checkpoints", "last", snapshot, Beside({}, {}))
    losses, place = steps(training, 12), training.supply.place
    for _ in range(2):
        restore(training, snapshot)
        assert (steps(training, 12), training.supply.place) == (losses, place)
    training.supply.close()
    again, _ = training_of(tmp_path, own(tmp_path, function, **asked))
    restore(again, checkpoint.read(tmp_path / "checkpoints", "last")[0])
    assert (steps(again, 12), again.supply.place) == (losses, place)
    again.supply.close()


def test_a_state_of_before_a_turn_shows_the_rest_of_its_epoch_under_the_knobs_of_now(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path, own(tmp_path, "in_order"))
    steps(training, 4)
    snapshot = take(training)
    turn(training, SHUFFLED)
    steps(training, 2)
    restore(training, snapshot, with_knobs=False)
    rest = epoch(training)
    assert sorted(rest) == list(range(32, 120))
    assert rest != sorted(rest)


def test_no_example_is_lost_or_seen_twice_when_shuffling_turns_within_an_epoch(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path, own(tmp_path, "items_in_order", epochs=2, workers=2))
    training.model.train()
    seen: Counter[tuple[int, int]] = Counter()
    while training.progress.samples < training.progress.samples_total:
        if training.progress.step % 4 == 3:
            turn(training, [Turned(knob="shuffle", to=not training.knobs["shuffle"])])
        batch = training.supply.take()
        seen.update((batch.ticket.epoch, int(index)) for index in batch.ticket.indices)
        take_step(training, batch)
    training.supply.close()
    assert set(seen.values()) == {1}
    assert len(seen) == 240


def test_taking_a_turn_back_takes_the_order_back(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path, own(tmp_path, "in_order"))
    before = epoch(training)
    changes = turn(training, SHUFFLED)
    assert epoch(training) != before
    turn_back(training, changes)
    assert (epoch(training), training.knobs["shuffle"]) == (before, False)


@pytest.mark.parametrize(
    ("function", "train", "shuffles"),
    [
        pytest.param("in_order", {}, False, id="a loader that does not shuffle"),
        pytest.param("shuffled", {}, True, id="a loader that shuffles"),
        pytest.param("in_order", {"shuffle": True}, True, id="the configuration goes before the loader"),
        pytest.param("number", {}, True, id="arrays"),
        pytest.param("number", {"shuffle": False}, False, id="arrays, not to be shuffled"),
        pytest.param("film", {}, False, id="data whose order matters"),
    ],
)
def test_the_order_is_that_of_the_tasks_own_loader(
    tmp_path: Path, function: str, train: dict[str, Any], shuffles: bool
) -> None:
    training, _ = training_of(tmp_path, own(tmp_path, function, **train))
    assert training.knobs["shuffle"] is shuffles
    ahead = epoch(training)
    assert (ahead == sorted(ahead)) is not shuffles


def test_data_whose_order_matters_are_not_redrawn_and_say_why(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path, own(tmp_path, "film"))
    for turns in (SHUFFLED, EVENLY):
        with pytest.raises(KnobError, match="the order of its examples matters"):
            turn(training, turns)
    for asked in ({"shuffle": True}, {"sampler": "sqrt"}):
        with pytest.raises(SetupError, match=r"train\.(shuffle|sampler): the task says that the order"):
            build(own(tmp_path, "film", **asked))


def test_numbers_have_no_classes_to_draw_evenly(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="only a classification has classes to draw more often"):
        build(own(tmp_path, "number", sampler="balanced"))


@pytest.mark.parametrize(
    ("weights", "sampler", "fits"),
    [("balanced", "sqrt", False), ("sqrt", "balanced", False), ("balanced", "balanced", False), ("sqrt", "sqrt", True)],
)
def test_rare_classes_are_not_weighed_beyond_balance(tmp_path: Path, weights: str, sampler: str, fits: bool) -> None:
    def both() -> None:
        training, _ = training_of(tmp_path, own(tmp_path, "shuffled", class_weights=weights))
        turn(training, [Turned(knob="sampler", to=sampler)])

    if fits:
        both()
        own(tmp_path, "shuffled", class_weights=weights, sampler=sampler)
        return
    with pytest.raises(KnobError, match="would weigh the rare classes a second time"):
        both()
    with pytest.raises(ConfigError, match=r"test: train\.sampler .* leave one of them out"):
        own(tmp_path, "shuffled", class_weights=weights, sampler=sampler)


@pytest.mark.parametrize("beside", [{"class_weights": "sqrt"}, {"sampler": "sqrt"}])
def test_an_adjustment_stands_alone(tmp_path: Path, beside: dict[str, str]) -> None:
    training, _ = training_of(tmp_path, own(tmp_path, "shuffled", **beside))
    with pytest.raises(KnobError, match="would do it a second time"):
        turn(training, [Turned(knob="logit_adjustment", to=1.0)])
    assert training.objective.logit_adjustment == 0.0
    with pytest.raises(ConfigError, match=r"train\.logit_adjustment: .* leave one of them out"):
        own(tmp_path, "shuffled", logit_adjustment=1.0, **beside)
    turn(training, [*(Turned(knob=knob, to="none") for knob in beside), Turned(knob="logit_adjustment", to=1.0)])
    assert training.objective.logit_adjustment == 1.0


def test_weights_give_way_to_a_sampler_in_one_turn(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path, own(tmp_path, "shuffled", class_weights="balanced"))
    turn(training, [Turned(knob="class_weights", to="none"), *EVENLY])
    assert (training.knobs["class_weights"], training.knobs["sampler"]) == ("none", "balanced")


def test_a_sampler_leaves_what_the_run_is_judged_by_as_it_is(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path, own(tmp_path, "shuffled"))
    outputs, targets = torch.randn(12, 4), torch.arange(12) % 4
    before = training.objective.plain(outputs, targets)
    turn(training, EVENLY)
    assert torch.equal(training.objective.plain(outputs, targets), before)
    labels = training.setup.source.train.labels
    assert labels is not None
    drawn = Counter(labels[training.supply.order.permutation(0)].tolist())
    assert max(drawn.values()) < 2 * min(drawn.values()), "120 draws of four classes, each as likely"


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return checkpoint.read(folder / "checkpoints", "last")[0].model


def equal(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


class Forks:
    """A driver that asks for a fork at step 6 and keeps its candidate."""

    def __init__(self, turns: tuple[Turned, ...], arm: str) -> None:
        self.asked, self.arm = [Fork(trial="f", turns=turns, steps=10, nulls=1, replicates=2)], arm

    def __call__(self, event: Event) -> list[Command]:
        if isinstance(event, BeatTaken) and event.step >= 6 and self.asked:
            return [self.asked.pop()]
        if isinstance(event, ArmScored) and (event.arm, event.replicate) == ("candidate", 1):
            return [Decide.model_validate({"trial": "f", "arm": self.arm})]
        return []


@pytest.mark.parametrize("turns", [SHUFFLED, EVENLY])
def test_a_fork_whose_candidate_is_drawn_otherwise_leaves_the_control_as_it_would_have_been(
    tmp_path: Path, turns: tuple[Turned, ...]
) -> None:
    plain, _ = run_with(tmp_path / "plain", own(tmp_path, "in_order"))
    lost, heard = run_with(tmp_path / "lost", own(tmp_path, "in_order"), Forks(turns, "control"))
    arms = {(one.arm, one.replicate): one for one in of(heard, ArmScored)}
    assert len({one.scores["loss"] for one in arms.values()}) == 4, "each arm has batches of its own"
    assert {one.steps for one in arms.values()} == {10}
    assert plain.samples == lost.samples
    assert equal(weights(tmp_path / "plain"), weights(tmp_path / "lost"))


@pytest.mark.parametrize("turns", [SHUFFLED, EVENLY])
def test_a_kept_order_is_done_again_by_a_plan_to_the_bit(tmp_path: Path, turns: tuple[Turned, ...]) -> None:
    _, heard = run_with(tmp_path / "first", own(tmp_path, "in_order"), Forks(turns, "candidate"))
    assert of(heard, TrialEnded)[0].went_on_from == "candidate"
    (tmp_path / "again").mkdir()
    plan = plan_of("first", True, heard, [])
    (tmp_path / "again" / PLAN_FILE).write_text(plan.model_dump_json())
    _, again = run_with(tmp_path / "again", own(tmp_path, "in_order"))
    assert not of(again, ArmScored)
    assert [one.changes for one in of(again, KnobsTurned)] == [one.changes for one in of(heard, KnobsTurned)]
    assert equal(weights(tmp_path / "again"), weights(tmp_path / "first"))


def test_a_plan_whose_turns_suit_only_the_knobs_of_their_time_is_followed_to_its_end(tmp_path: Path) -> None:
    weights_on, weights_off = (Turned(knob="class_weights", to=to) for to in ("balanced", "none"))
    said: list[Command] = [
        *(Turn(trial="w", turns=(weights_on,)), Confirm(trial="w")),
        *(Turn(trial="s", turns=(*EVENLY, weights_off)), Confirm(trial="s")),
    ]

    def say(event: Event) -> list[Command]:
        due = isinstance(event, BeatTaken) and event.step >= (20 if len(said) > 2 else 40) and said
        return [said.pop(0), said.pop(0)] if due else []

    _, heard = run_with(tmp_path / "first", own(tmp_path, "in_order"), say)
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / PLAN_FILE).write_text(plan_of("first", True, heard, []).model_dump_json())
    ended, again = run_with(tmp_path / "again", own(tmp_path, "in_order"))
    assert (ended.why, ended.text) == ("finished", "")
    assert [one.changes for one in of(again, KnobsTurned)] == [one.changes for one in of(heard, KnobsTurned)]
    assert equal(weights(tmp_path / "again"), weights(tmp_path / "first"))


def test_the_survey_tells_the_order_that_is_drawn(tmp_path: Path) -> None:
    driver = [Turn(trial="s", turns=SHUFFLED), Confirm(trial="s")]

    def say(event: Event) -> list[Command]:
        return [driver.pop(0), driver.pop(0)] if isinstance(event, BeatTaken) and event.step >= 30 and driver else []

    _, heard = run_with(tmp_path / "run", own(tmp_path, "in_order"), say)
    assert of(heard, Surveyed)[0].survey.neighbour_label_match > 0.9
    runs = [beat.label_runs for beat in of(heard, BeatTaken)]
    assert runs[0] > 0.9
    assert sum(runs[-5:]) / 5 < 0.7
