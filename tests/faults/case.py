"""What a case of the bench is: a training with a known fault, and the same training without it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from tests.faults.folders import FOLDERS, source_of
from trainer.config import Config, parse

TASKS = Path(__file__).with_name("task.py")
"""The file whose functions the trainer calls for a task; there is one for each side of each case."""

Side = Literal["faulty", "reference"]
Values = Mapping[str, Any]

RUN: dict[str, Any] = {
    "optimizer": "sgd",
    "lr": 0.1,
    "schedule": "constant",
    "warmup": 0.0,
    "batch_size": 32,
    "threads": 1,
    "device": "cpu",
}
"""What every training of the bench starts from; a setting says what differs."""


@dataclass(frozen=True)
class Setting:
    """One training: data, net, what is wrong with either, and the `train.` keys."""

    data: str
    net: str = "mlp"
    shape: Values = field(default_factory=dict)
    """Options of the net: width, depth, activation, init, norm, dropout, output."""
    flaws: Values = field(default_factory=dict)
    """Name of a flaw → how bad it is; data, model, loss, optimizer and loader each know their own."""
    train: Values = field(default_factory=dict)
    limit: int = 0
    """Use so many training examples; 0 = all."""

    def having(
        self,
        *,
        net: str | None = None,
        shape: Values | None = None,
        flaws: Values | None = None,
        limit: int | None = None,
        data: str | None = None,
        **train: Any,
    ) -> "Setting":
        """Return the setting with some things other."""
        return replace(
            self,
            data=self.data if data is None else data,
            net=self.net if net is None else net,
            shape={**self.shape, **(shape or {})},
            flaws={**self.flaws, **(flaws or {})},
            limit=self.limit if limit is None else limit,
            train={**self.train, **train},
        )


@dataclass(frozen=True)
class Case:
    """A training with a known fault, or a healthy one, which has no causes."""

    name: str
    """An identifier, unique in the bench: the trainer finds the task by it."""
    about: str
    """What is wrong, or what kind of healthy run it is, in a few words."""
    faulty: Setting
    """As the user starts it. A healthy case has the one setting on both sides."""
    reference: Setting
    """The same training with the fault mended by hand."""
    causes: tuple[str, ...] = ()
    """Codes of the rules that name the fault rightly; any of them will do."""
    remarks: tuple[str, ...] = ()
    """Codes of the rules that have something to say which is no fault; a run with remarks alone is a healthy one."""
    missing: tuple[str, ...] = ()
    """Names of rules that ought to exist and would name it."""
    allowed: tuple[str, ...] = ()
    """Codes that are true of this run besides: no false alarms."""
    knobs: tuple[str, ...] = ()
    """Knobs that can mend it; empty where the fault lies in code or data."""
    begins: float = 0.0
    """Share of the run at which the fault begins."""
    scored_by: Literal["metric", "balanced"] = "metric"
    """The test score: the main metric, or the mean recall over the classes."""
    severe: bool = True
    held_out: bool = False
    """Nobody looked at it while writing a rule; it is counted apart."""

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.causes or self.missing)

    def setting(self, side: Side) -> Setting:
        """Return the faulty setting or the one that mends it."""
        return self.faulty if side == "faulty" else self.reference

    def config(self, side: Side, seed: int, mode: Literal["watch", "auto"]) -> Config:
        """Return the configuration of a run of this case."""
        return parse(
            {
                **self._what_is_trained(side),
                "train": {**RUN, **self.setting(side).train, "seed": seed},
                "advisor": {"mode": mode, "compress": False},
            },
            self.name,
        )

    def _what_is_trained(self, side: Side) -> dict[str, Any]:
        setting = self.setting(side)
        if setting.data in FOLDERS:
            return {
                "data": {"source": source_of(setting.data, setting.flaws)},
                "model": {"name": setting.net, "width": 8},
            }
        return {"task": {"factory": f"{TASKS}:{self.name}__{side}"}}


def fault(name: str, about: str, reference: Setting, faulty: Setting, *causes: str, **rest: Any) -> Case:
    """Return a faulty case; `causes` are the codes that name it rightly."""
    return Case(name, about, faulty, reference, causes, **rest)


def healthy(name: str, about: str, setting: Setting, allowed: tuple[str, ...] = ()) -> Case:
    """Return a healthy case."""
    return Case(name, about, setting, setting, allowed=allowed)


def remark(name: str, about: str, setting: Setting, *remarks: str, allowed: tuple[str, ...] = ()) -> Case:
    """Return a case with which nothing is wrong, and of which some rules have something to say."""
    return Case(name, about, setting, setting, remarks=remarks, allowed=(*remarks, *allowed))
