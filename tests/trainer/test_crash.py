"""Nothing is lost when the user's model, data or a worker raises: the last state is written before the run ends."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.running import config_of, of, run_with
from trainer.commands import Command, Fork, Turn
from trainer.config import Config, parse
from trainer.state import checkpoint
from trainer.wire import BeatTaken, CheckpointWritten, CommandRefused, Evaluated, Event, RunStarted, Told
from trainer.words import Turned

TASK = """
import os, torch, trainer
from pathlib import Path

BROKEN = Path(__file__).with_name("broken")

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.body = torch.nn.Sequential(
            torch.nn.Linear(6, 16), torch.nn.BatchNorm1d(16), torch.nn.ReLU(), torch.nn.Dropout(0.3)
        )
        self.head = torch.nn.Linear(16, 3)
        self.passes = 0
    def forward(self, x):
        x = self.body(x)
        if self.training and torch.is_grad_enabled():
            self.passes += 1
            if self.passes == AT and BROKEN.exists():
                raise RuntimeError("the model is broken")
        return self.head(x)

AT = 40

class Items(torch.utils.data.Dataset):
    def __init__(self):
        self.asked = 0
        self.inputs = torch.randn(200, 6, generator=torch.Generator().manual_seed(0))
    def __len__(self):
        return 200
    def __getitem__(self, i):
        self.asked += i == 77
        if i == 77 and self.asked >= 4 and BROKEN.exists() and "data" in BROKEN.read_text():
            raise ValueError("item 77 is broken")
        if self.asked == 4 and torch.utils.data.get_worker_info() and BROKEN.exists() and "dies" in BROKEN.read_text():
            os._exit(1)
        return self.inputs[i] + 0.1 * torch.randn(6), int(i % 3)

class SGD(torch.optim.SGD):
    count = 0
    def step(self, closure=None):
        super().step(closure)
        self.count += 1
        if self.count == 10 and BROKEN.exists() and "optimizer" in BROKEN.read_text():
            raise RuntimeError("the optimizer is broken")

def make_task():
    return trainer.Task(model=Net(), train=Items(), val=Items())
def make_own_optimizer():
    net = Net()
    return trainer.Task(model=net, train=Items(), val=Items(), optimizer=SGD(net.parameters(), lr=0.01))
"""


def own(folder: Path, function: str = "make_task", **train: Any) -> Config:
    """A task that breaks while a file lies beside it."""
    folder.mkdir(exist_ok=True)
    (folder / "task.py").write_text(TASK)
    asked = {"batch_size": 20, "epochs": 6, "lr": 0.01} | train
    return parse({"task": {"factory": f"{folder / 'task.py'}:{function}"}, "train": asked}, "test")


def losses(heard: list[Event]) -> list[float]:
    return [loss for beat in of(heard, BeatTaken) for loss in beat.loss]


@pytest.mark.parametrize(
    ("how", "train", "why", "text"),
    [
        pytest.param("model", {}, "failed", "the model is broken", id="model"),
        pytest.param("model", {"micro_batch": 7, "ema": 0.9}, "failed", "the model is broken", id="model, in pieces"),
        pytest.param("data", {}, "mistake", "item 77 is broken", id="data"),
        pytest.param("data", {"workers": 1}, "mistake", "item 77 is broken", id="data in a worker"),
        pytest.param("dies", {"workers": 1}, "failed", "loader process died", id="worker dies"),
    ],
)
def test_a_run_that_broke_is_taken_up_where_it_broke(
    tmp_path: Path, how: str, train: dict[str, Any], why: str, text: str
) -> None:
    _, whole = run_with(tmp_path / "whole", own(tmp_path / "task", **train))
    broken = tmp_path / "task" / "broken"
    broken.write_text(how)
    words, heard = run_with(tmp_path / "run", own(tmp_path / "task", **train))
    assert words.why == why
    assert text in words.text
    assert "last" in {written.name for written in of(heard, CheckpointWritten)}
    assert checkpoint.read(tmp_path / "run" / "checkpoints", "last")[0].step == words.step > 0
    broken.unlink()
    end, rest = run_with(tmp_path / "run", own(tmp_path / "task", **train), resume=True)
    assert end.why == "finished"
    assert of(rest, RunStarted)[0].step == words.step
    assert losses(rest) == losses(whole)[words.step :]
    assert of(rest, Evaluated)[-1].loss == of(whole, Evaluated)[-1].loss


def test_where_no_whole_state_is_left_it_says_so(tmp_path: Path) -> None:
    config = own(tmp_path / "task", "make_own_optimizer")
    (tmp_path / "task" / "broken").write_text("optimizer")
    words, heard = run_with(tmp_path / "run", config)
    assert (words.why, words.step) == ("failed", 9)
    assert re.search(r"could not be saved .*step 10", of(heard, Told)[-1].text)
    assert of(heard, Told)[-1].level == "error"
    assert not (tmp_path / "run" / "checkpoints" / "last.json").exists()


def test_what_breaks_in_an_arm_of_a_fork_refuses_it_and_the_run_goes_on_from_before_it(tmp_path: Path) -> None:
    said: list[Command] = [Fork(trial="f", turns=(Turned(knob="lr", to=0.02),), steps=20, nulls=0)]

    def driver(event: Event) -> list[Command]:
        now, said[:] = (list(said), []) if isinstance(event, BeatTaken) and event.step >= 12 else ([], list(said))
        return now

    config = own(tmp_path / "task")
    (tmp_path / "task" / "broken").write_text("model")
    words, heard = run_with(tmp_path / "run", config, driver)
    (refused,) = [event for event in heard if isinstance(event, CommandRefused)]
    assert "the model is broken" in refused.why
    assert refused.step < 20
    saved = checkpoint.read(tmp_path / "run" / "checkpoints", "last")[0]
    assert (words.why, saved.step, saved.knobs["lr"]) == ("finished", words.step, 0.01)


def test_a_run_that_is_taken_up_again_begins_without_what_nobody_has_confirmed(tmp_path: Path) -> None:
    said: list[Command] = [Turn(trial="t", turns=(Turned(knob="lr", to=0.5), Turned(knob="batch_size", to=10)))]

    def driver(event: Event) -> list[Command]:
        now, said[:] = (list(said), []) if isinstance(event, BeatTaken) and event.step >= 12 else ([], list(said))
        return now

    config = own(tmp_path / "task", ema=0.9)
    (tmp_path / "task" / "broken").write_text("model")
    run_with(tmp_path / "run", config, driver)
    saved = json.loads((tmp_path / "run" / "checkpoints" / "last.json").read_text())
    assert saved["knobs"]["lr"] == 0.5
    (tmp_path / "task" / "broken").unlink()
    _, rest = run_with(tmp_path / "run", config, resume=True)
    values = {knob.name: knob.value for knob in of(rest, RunStarted)[0].knobs}
    assert (values["lr"], values["batch_size"], values["beta2"], values["ema"]) == (0.01, 20, 0.999, 0.9)


def test_a_run_that_is_taken_up_again_stops_early_when_the_whole_one_would_have(tmp_path: Path) -> None:
    from trainer.commands import Stop

    config = config_of(epochs=60, early_stop=True, lr=3e-3)
    whole, _ = run_with(tmp_path / "whole", config)

    def driver(event: Event) -> list[Command]:
        return [Stop()] if isinstance(event, BeatTaken) and event.step >= whole.step - 40 else []

    stopped, _ = run_with(tmp_path / "parts", config, driver)
    rest, _ = run_with(tmp_path / "parts", config, resume=True)
    assert (whole.why, stopped.why, rest.why) == ("early_stop", "stopped", "early_stop")
    assert rest.step == whole.step
