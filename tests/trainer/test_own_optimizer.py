"""An optimizer of the user's own: the knobs say what it is set to, and not what the configuration would have made."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.trainer.running import of, run_with
from tests.trainer.test_setup import own
from trainer.stepping.optim import settings_of
from trainer.wire import RunStarted

Made = Callable[[list[nn.Parameter]], torch.optim.Optimizer]


def in_groups(net: list[nn.Parameter]) -> torch.optim.Optimizer:
    return torch.optim.Adam([{"params": net[:1]}, {"params": net[1:], "weight_decay": 0.3}], betas=(0.9, 0.95))


@pytest.mark.parametrize(
    ("made", "told"),
    [
        pytest.param(
            lambda net: torch.optim.SGD(net, 0.1), {"optimizer": "sgd", "lr": 0.1, "weight_decay": 0.0}, id="sgd"
        ),
        pytest.param(
            lambda net: torch.optim.SGD(net, 0.1, momentum=0.8, weight_decay=0.2),
            {"optimizer": "momentum", "momentum": 0.8, "weight_decay": 0.2},
            id="momentum",
        ),
        pytest.param(
            lambda net: torch.optim.SGD(net, 0.1, momentum=0.8, nesterov=True), {"optimizer": "nesterov"}, id="nesterov"
        ),
        pytest.param(in_groups, {"optimizer": "adam", "beta2": 0.95, "weight_decay": 0.3}, id="adam in groups"),
        pytest.param(
            lambda net: torch.optim.AdamW(net, weight_decay=0.1),
            {"optimizer": "adamw", "weight_decay": 0.1},
            id="adamw",
        ),
        pytest.param(lambda net: torch.optim.RMSprop(net), {"optimizer": "rmsprop", "momentum": 0.0}, id="rmsprop"),
        pytest.param(
            lambda net: torch.optim.Adagrad(net, weight_decay=0.4), {"weight_decay": 0.4}, id="one without a name here"
        ),
    ],
)
def test_an_own_optimizer_tells_its_settings(made: Made, told: dict[str, float | str]) -> None:
    found = settings_of(made(list(nn.Linear(3, 2).parameters())))
    assert {name: found.get(name) for name in told} == told
    assert ("optimizer" in found) == ("optimizer" in told)


def test_a_run_begins_with_the_knobs_of_its_own_optimizer(tmp_path: Path) -> None:
    code = """
    def make_task():
        own = lambda m: torch.optim.SGD(m.parameters(), 0.05, momentum=0.9, weight_decay=0.1)
        return trainer.Task(Net(), (X, y), optimizer=own)
    """
    _, heard = run_with(tmp_path / "run", own(tmp_path, code))
    knobs = {one.name: one for one in of(heard, RunStarted)[0].knobs}
    told = {name: knobs[name].value for name in ("optimizer", "lr", "momentum", "weight_decay")}
    assert told == {"optimizer": "momentum", "lr": 0.05, "momentum": 0.9, "weight_decay": 0.1}
    assert knobs["weight_decay"].unavailable
