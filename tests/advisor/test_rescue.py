"""The rescue ladder in real runs with faults put in: each rung in order, and what the recovered run is worth."""

from pathlib import Path
from typing import Any

import pytest

from advisor.ledger import Found, Judged, TrialStarted
from advisor.together import Told, run_together
from trainer.config import parse
from trainer.stepping.guard import FEWEST
from trainer.wire import BeatTaken, Evaluated, GuardActed, RolledBack, SnapshotTaken

TASKS = '''
import torch, trainer
from sklearn.datasets import load_digits

class Net(torch.nn.Module):
    """A small net with a fault in its code: from its Nth training pass on, for so many passes, its outputs are spoilt."""
    def __init__(self, first=10**9, count=0, every=0, times=1.0):
        super().__init__()
        torch.manual_seed(0)
        self.inner = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10))
        self.passes, self.first, self.count, self.every, self.times = 0, first, count, every, times

    def forward(self, x):
        out = self.inner(x)
        if not (self.training and torch.is_grad_enabled()):
            return out
        self.passes += 1
        since = self.passes - self.first
        spoilt = since >= 0 and (since % self.every if self.every else since) < self.count
        return out * self.times if spoilt else out

def task(net=None, spoil=None):
    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype("float32")
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0)).numpy()
    x, y = x[order], y[order]
    train, val, test = (x[:1100].copy(), y[:1100]), (x[1100:1400], y[1100:1400]), (x[1400:], y[1400:])
    if spoil is not None:
        train[0][7] = spoil
    return trainer.Task(model=net or Net(), train=train, val=val, test=test)

def sound(): return task()
def one_bad_batch(): return task(Net(200, 1, 0, 1e4))
def nan_example(): return task(spoil=float("nan"))
def bad_weights(): return task(Net(200, 10, 0, float("nan")))
def recurring(): return task(Net(200, 40, 60, float("nan")))
'''


def run(folder: Path, make: str, **sections: Any) -> Told:
    folder.mkdir()
    (folder / "tasks.py").write_text(TASKS)
    train = {"epochs": 20, "batch_size": 32, "lr": 0.1, "optimizer": "momentum", "threads": 1, "schedule": "constant"}
    raw = {
        "task": {"factory": f"{folder / 'tasks.py'}:{make}"},
        "train": {**train, **sections.get("train", {})},
        "advisor": {"compress": False, **sections.get("advisor", {})},
    }
    return run_together(parse(raw, make), folder / "run")


def rescues(told: Told) -> list[TrialStarted]:
    return [entry for entry in told.entries if isinstance(entry, TrialStarted) and entry.how == "rescue"]


def accuracy(told: Told) -> float:
    return [e for e in told.events if isinstance(e, Evaluated) and e.split == "test"][-1].metrics["accuracy"]


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> float:
    told = run(tmp_path_factory.mktemp("untouched") / "sound", "sound", advisor={"mode": "watch"})
    return accuracy(told)


def test_one_bad_batch_is_the_guards_business(tmp_path: Path, untouched: float) -> None:
    told = run(tmp_path / "bad", "one_bad_batch")
    spoilt = [event for event in told.events if isinstance(event, GuardActed) and event.value > 1000]
    assert [event.deed for event in spoilt] == ["clipped"]
    assert not rescues(told)
    assert accuracy(told) == pytest.approx(untouched, abs=0.02)


def test_an_example_that_is_no_number_is_left_out_each_time_and_told_to_a_person(
    tmp_path: Path, untouched: float
) -> None:
    told = run(tmp_path / "nan", "nan_example")
    skipped = [event for event in told.events if isinstance(event, GuardActed) and event.deed == "skipped"]
    assert len(skipped) == 20, "once an epoch"
    found = [entry.finding for entry in told.entries if isinstance(entry, Found) and entry.finding.code == "NUM101"]
    assert "not recoverable by a knob" in found[0].message
    assert not rescues(told), "going back would only bring the run to the same example again"
    assert told.words.why == "finished"
    assert accuracy(told) == pytest.approx(untouched, abs=0.02)


def test_a_burst_that_the_guard_cannot_bridge_is_rolled_back_to_a_state_from_before_it(
    tmp_path: Path, untouched: float
) -> None:
    told = run(tmp_path / "burst", "bad_weights")
    first = rescues(told)[0]
    back = next(event for event in told.events if isinstance(event, RolledBack))
    assert first.fix.deed == "rollback"
    assert [turn.knob for turn in first.fix.turns] == ["clip"], "the rate stays as it was"
    assert back.step <= 200 - 50
    assert back.skipped_batches >= back.from_step - back.step
    assert len(rescues(told)) == 1
    assert told.words.why == "finished"
    assert accuracy(told) == pytest.approx(untouched, abs=0.03)


def test_a_fault_that_comes_back_whatever_is_done_goes_up_the_ladder_and_ends_the_run(tmp_path: Path) -> None:
    told = run(tmp_path / "again", "recurring")
    deeds = [(str(one.fix.deed), [turn.knob for turn in one.fix.turns]) for one in rescues(told)]
    assert deeds == [("rollback", ["clip"]), ("rollback", ["lr"]), ("stop", [])]
    again = next(one for one in rescues(told)[1].fix.turns)
    assert again.to == pytest.approx(0.05), "half the rate"
    rates = [beat.lr for beat in told.events if isinstance(beat, BeatTaken)]
    last_back = max(i for i, event in enumerate(told.events) if isinstance(event, RolledBack))
    after = [beat.lr for beat in told.events[last_back:] if isinstance(beat, BeatTaken)]
    assert after == sorted(after), "a new warm-up"
    assert after[0] < 0.01
    assert max(after) <= 0.05
    assert max(rates) == pytest.approx(0.1)
    assert told.words.why == "hopeless"
    assert any(isinstance(entry, Judged) and "no knob" in entry.why for entry in told.entries)


def test_no_state_of_a_bad_time_is_kept(tmp_path: Path) -> None:
    told = run(tmp_path / "bad", "bad_weights")
    back = next(place for place, event in enumerate(told.events) if isinstance(event, RolledBack))
    before = told.events[:back]
    taken = [event.step for event in before if isinstance(event, SnapshotTaken)]
    acted = [event.step for event in before if isinstance(event, GuardActed)]
    assert taken
    assert acted
    assert not [(step, at) for step in taken for at in acted if at < step <= at + FEWEST]


def test_a_rate_that_is_a_hundred_times_too_high_from_the_start_is_swept(tmp_path: Path, untouched: float) -> None:
    told = run(tmp_path / "high", "sound", train={"lr": 30.0})
    first = rescues(told)[0]
    assert first.fix.deed == "start_over"
    assert [turn.knob for turn in first.fix.turns] == ["lr"]
    assert float(first.fix.turns[0].to) < 3.0
    assert accuracy(told) == pytest.approx(untouched, abs=0.04)
