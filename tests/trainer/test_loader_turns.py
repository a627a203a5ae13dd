"""However the loader is turned in the middle of an epoch, each epoch holds each example once: by ids, in real runs."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.running import of, run_with
from trainer import loop
from trainer.commands import Alternate, Command, Confirm, Probe, Revert, Turn
from trainer.config import parse
from trainer.data.batch import Batch
from trainer.stepping.step import take_step
from trainer.trials import rounds
from trainer.wire import BeatTaken, CommandRefused, Event, KnobsTurned, Probed, TrialEnded
from trainer.words import Turned

EXAMPLES = 130
TASK = """
import torch, trainer
from torch import nn
from torch.utils.data import DataLoader, Dataset

class Items(Dataset):
    deterministic_items = True
    def __len__(self):
        return 130
    def __getitem__(self, i):
        return torch.tensor([float(i), 1.0]), i % 3

class Batches(Items):
    def __getitems__(self, indices):
        return [self[i] for i in indices]

def task(train):
    net = nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 3))
    return trainer.Task(model=net, train=train, val=Items())
def items():
    return task(Items())
def batches():
    return task(Batches())
def loader():
    return task(DataLoader(Items(), shuffle=True, num_workers=1))
"""


def turns(**values: Any) -> tuple[Turned, ...]:
    return tuple(Turned(knob=knob, to=to) for knob, to in values.items())


class Script:
    """Says one thing after the other, one at each beat from step 3 on."""

    def __init__(self, *said: list[Command]) -> None:
        self.said = list(said)

    def __call__(self, event: Event) -> list[Command]:
        ready = isinstance(event, BeatTaken) and event.step >= 3 and not event.trial and self.said
        return self.said.pop(0) if ready else []


def kept(trial: str, **values: Any) -> list[Command]:
    return [Turn(trial=trial, turns=turns(**values)), Confirm(trial=trial)]


@pytest.fixture
def ids(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """(epoch, id) of every example that the run was trained on."""
    seen: list[tuple[int, int]] = []

    def recording(training: Any, batch: Batch, *rest: Any, **named: Any) -> Any:
        seen.extend((batch.ticket.epoch, int(one)) for one in batch.inputs[:, 0])
        return take_step(training, batch, *rest, **named)

    monkeypatch.setattr(loop, "take_step", recording)
    monkeypatch.setattr(rounds, "take_step", recording)
    return seen


def trained(folder: Path, function: str, driver: Callable[[Event], list[Command]], epochs: int) -> list[Event]:
    (folder / "task.py").write_text(TASK)
    config = parse(
        {
            "task": {"factory": f"{folder / 'task.py'}:{function}"},
            "train": {"batch_size": 8, "epochs": epochs, "lr": 0.01, "seed": 3},
            "data": {"test_fraction": 0.0},
        },
        "test",
    )
    ended, heard = run_with(folder / "run", config, driver)
    assert ended.why == "finished"
    assert not of(heard, CommandRefused)
    return heard


@pytest.mark.parametrize("function", ["items", "batches", "loader"])
def test_no_example_is_lost_or_seen_twice_by_any_turn_of_the_loader(
    tmp_path: Path, ids: list[tuple[int, int]], function: str
) -> None:
    script = Script(
        kept("a", workers=2),
        kept("b", prefetch=5),
        kept("c", cache=True),
        [Turn(trial="d", turns=turns(workers=1, prefetch=1))],
        [Revert(trial="d", why="a test")],
        kept("e", cache=False, workers=1),
        [Probe(probe="fetched_batch")],
        kept("f", batch_size=16),
        kept("g", workers=0),
    )
    heard = trained(tmp_path, function, script, epochs=4)
    assert not script.said
    assert [one.trial for one in of(heard, KnobsTurned)] == list("abcdefg")
    middle = [one.samples % EXAMPLES for one in of(heard, KnobsTurned)]
    assert sum(place > 0 for place in middle) >= 5, "the turns were to fall within epochs"
    assert len(ids) == 4 * EXAMPLES
    assert set(Counter(ids).values()) == {1}
    assert set(of(heard, Probed)[0].result) >= {"fetch_s", "alone_s", "asleep_share", "collate_share"}


@pytest.mark.parametrize(
    "candidate",
    [
        pytest.param({"workers": 1}, id="workers"),
        pytest.param({"cache": True}, id="cache"),
        pytest.param({"workers": 2, "prefetch": 3, "cache": True}, id="all three"),
    ],
)
def test_rounds_of_two_loaders_lose_no_example(
    tmp_path: Path, ids: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch, candidate: dict[str, Any]
) -> None:
    monkeypatch.setattr("trainer.trials.rounds.HOPELESS_TIMES", float("inf"))
    alternate = Alternate(trial="r", turns=turns(**candidate), rounds=2, stretch_steps=5, stretch_s=0.001)
    heard = trained(tmp_path, "items", Script([alternate]), epochs=12)
    assert of(heard, TrialEnded)[0].went_on_from == "control"
    assert len(ids) == 12 * EXAMPLES
    assert set(Counter(ids).values()) == {1}
