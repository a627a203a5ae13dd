"""A training in progress: all that the loop, the trials and the probes work on."""

import copy
import weakref
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from trainer.config import Config
from trainer.data.batch import Batch
from trainer.device import describe_device, pick_device
from trainer.knobs import SPECS, Knob, KnobEffect, KnobValue, catalogue
from trainer.link import Link
from trainer.replicas.replicas import Replicas
from trainer.setup import Setup
from trainer.state.behind import Behind
from trainer.stepping.compiling import Compiled, why_not
from trainer.stepping.ema import Averaged
from trainer.stepping.guard import Guard
from trainer.stepping.norms import NormWatch
from trainer.stepping.objective import Objective
from trainer.stepping.optim import adopt_optimizer, build_optimizer, parameters_of, settings_of
from trainer.stepping.precision import Precision, multiplies_in_tf32, why_no_tf32
from trainer.stepping.room import Room
from trainer.stepping.update import Update
from trainer.supply import Place, Supply
from trainer.surgery import mixing
from trainer.watching.clocks import Clocks
from trainer.watching.labels import LabelWatch
from trainer.watching.tempo import Tempo
from trainer.wire import Told
from trainer.words import Change, DeviceInfo, WatchTier


@dataclass
class Progress:
    """How far the run has come, in the branch that counts. All is counted in samples, so a batch change bends nothing."""

    step: int = 0
    samples: int = 0
    samples_total: int = 0
    next_evaluation: int = 0
    """Samples at which the next evaluation is due."""
    next_checkpoint: int = 0
    rewarm_since: int = 0
    rewarm_over: int = 0
    """Samples over which the rate rises after a rescue or a new optimizer; 0 = none."""
    best_metric: float = float("nan")
    best_loss: float = float("nan")
    best_step: int = 0
    stale_evaluations: int = 0
    """Evaluations since the last real gain: what early stopping counts."""
    gained_metric: float = float("nan")
    """The metric at the last real gain; NaN before the first."""
    gained_samples: int = 0

    @property
    def evaluation_due(self) -> bool:
        """Whether the run is to be evaluated where it stands; its end has an evaluation of its own."""
        return self.next_evaluation <= self.samples < self.samples_total

    def where(self) -> dict[str, int]:
        """Return step and samples of now, as every event has them."""
        return {"step": self.step, "samples": self.samples}


@dataclass
class Best:
    """The best model so far, on the host."""

    weights: dict[str, torch.Tensor] = field(default_factory=dict)
    written_step: int = -1


@dataclass
class Probation:
    """A turn that will be taken back unless it is confirmed in time."""

    trial: str
    changes: tuple[Change, ...]
    until_step: int


@dataclass
class Window:
    """The batch that is being trained on, and what was moved since it was begun: see `trainer.stepping.window`."""

    place: Place
    random: dict[str, Any]
    """States of generators, or copies of them: see `trainer.stepping.window.written_out`."""
    buffers: list[torch.Tensor]
    batch: Batch
    updating: bool = False
    """The weights are being changed: from now on the batch cannot be begun anew."""


class Training:
    """A model, its data, its optimizer, its knobs, and how far it has come."""

    def __init__(self, setup: Setup, config: Config, folder: Path, link: Link, *, lockstep: bool, mode: str) -> None:
        train = config.train
        self.config = config
        self.folder = folder
        self.link = link
        self.lockstep = lockstep
        self.tempo = Tempo(link, lockstep=lockstep)
        self.device = pick_device(train.device)
        self.room = Room(self.device, train.memory_limit)
        self.device_info: DeviceInfo = self.room.described(describe_device(self.device))
        self.knobs: dict[str, KnobValue] = first_values(config, self.device_info.threads, setup.source.train.in_order)
        self.precision = Precision(self.device, self.device_info.amp_dtypes)
        self.replicas = Replicas(self.device, simulated=train.memory_limit > 0)
        self.update = Update()
        self._trained: tuple[weakref.ref[Any], ...] = ()
        """A network, its optimizer, and the parameters that only the network has; none of them is kept alive."""
        self.install(setup)
        asked = bool(self.knobs["tf32"]) or multiplies_in_tf32()  # by the configuration, or by the task's own code
        self.knobs["tf32"] = asked and "tf32" not in self.unavailable
        self.supply = Supply(
            setup.source.train,
            setup.source.collate,
            device=self.device,
            seed=train.seed,
            batch_size=train.batch_size,
            shuffle=bool(self.knobs["shuffle"]),
            sampler=train.sampler,
            workers=train.workers,
            prefetch=train.prefetch,
            cache=train.cache,
        )
        self.augmenter = torch.Generator(device=self.device)
        self.augmenter.manual_seed(train.seed)
        self.progress = Progress(samples_total=round(train.epochs * setup.source.train.examples))
        self.guard = Guard(active=mode != "watch")
        self.norms = NormWatch()
        self.clocks = Clocks(self.device)
        self.labels = LabelWatch.for_setup(setup, self.device)
        self.compiled = Compiled(lambda text: link.say(Told(**self.progress.where(), level="warning", text=text)))
        self.window: Window | None = None
        """The batch that is being trained on; nothing at a step boundary."""
        self.on_probation: list[Probation] = []
        """Turns that nobody has confirmed yet: a run that is taken up again begins without them."""
        self.bare = False
        """This stretch of steps is not looked at: what watching costs is measured (`trainer.watching.cost`)."""
        self.shed: tuple[WatchTier, ...] = ()
        """What is watched less, for it had cost too much."""
        self.watching = True
        """Off inside the arms of a fork and in probes: what happens there is no part of the run's history."""
        self.ending = ""
        """Why the run is to end at the next step boundary; empty while it goes on."""
        self.behind = Behind()
        """What writes a checkpoint while the training goes on."""
        self.seconds: dict[str, float] = {"evaluation": 0.0, "checkpoint": 0.0, "trials": 0.0}

    def install(self, setup: Setup) -> None:
        """Take a network, with all that belongs to it and to no other: the run has trained no step of it yet."""
        self.setup = setup
        self.model: nn.Module = setup.model.to(self.device)
        self.objective: Objective = setup.objective.to(self.device)
        self.unavailable = setup.unavailable | _unavailable_here(
            setup, self.device_info, self.config.train.memory_limit
        )
        if alone := self.replicas.lost or self.replicas.alone:
            self.unavailable["replicas"] = alone
        self.knobs["dropout"] = setup.dropout
        self.optimizer = self.make_optimizer(own=True)
        self.best = Best()
        self.averaged: Averaged | None = None
        """The running mean of the weights, while the knob `ema` is on."""
        self.has_buffers = any(True for _ in self.model.buffers())
        self.buffer_copies: list[torch.Tensor] = []
        """What the window's copies of the buffers are written into, batch by batch."""

    def make_optimizer(self, *, own: bool = False) -> torch.optim.Optimizer:
        """Return a fresh optimizer by the knobs; the user's own one at the start of a run that has one."""
        if own and self.setup.optimizer is not None:
            optimizer = adopt_optimizer(self.setup.optimizer, self.model)
            self.knobs |= settings_of(optimizer)
            return optimizer
        return build_optimizer(
            str(self.knobs["optimizer"]),
            self.model,
            lr=float(self.knobs["lr"]),
            momentum=float(self.knobs["momentum"]),
            beta2=float(self.knobs["beta2"]),
            weight_decay=float(self.knobs["weight_decay"]),
        )

    @property
    def share_done(self) -> float:
        """Share of the run's samples that were seen."""
        return self.progress.samples / max(self.progress.samples_total, 1)

    @property
    def batch_size(self) -> int:
        """Examples behind one optimizer step."""
        return int(self.knobs["batch_size"])

    @property
    def steps_total(self) -> int:
        """Optimizer steps of the whole run, at the batch size of now."""
        return self.progress.step + self.supply.steps_for(self.progress.samples_total - self.progress.samples)

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps of one pass over the training split."""
        return -(-self.setup.source.train.examples // self.batch_size)

    @property
    def epoch(self) -> float:
        """Passes over the training split so far."""
        return self.progress.samples / self.setup.source.train.examples

    def next_evaluation(self) -> int:
        """Return the samples at which the next evaluation is due: on a grid of the run, whatever came between."""
        every = max(float(self.knobs["eval_every"]) * self.setup.source.train.examples, 1.0)
        return round((self.progress.samples // every + 1) * every)

    def catalogue(self) -> tuple[Knob, ...]:
        """Return every knob with its value now."""
        effects: dict[str, KnobEffect] = {"micro_batch": "changes_learning"} if self.setup.model_info.has_norm else {}
        if any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in self.model.modules()):
            effects["replicas"] = "changes_learning"
        knobs = catalogue(self.knobs, self.unavailable, effects)
        most = float(self.replicas.most)
        return tuple(knob.model_copy(update={"high": most}) if knob.name == "replicas" else knob for knob in knobs)

    def share_threads(self) -> None:
        """Give this process its part of the knob `threads`: the processes of a run on the CPU share them."""
        each = max(int(self.knobs["threads"]) // self.replicas.count(int(self.knobs["replicas"])), 1)
        if self.device.type == "cpu" and each != torch.get_num_threads():
            torch.set_num_threads(each)

    def drop_gradients(self) -> None:
        """Drop the gradients of all parameters: those that the optimizer moves, and those that only the network has.

        A network with a `zero_grad` of its own does it in its own way.
        """
        if type(self.model).zero_grad is not nn.Module.zero_grad:
            self.model.zero_grad(set_to_none=True)
            return
        trained = [one() for one in self._trained]
        if trained[:2] != [self.model, self.optimizer]:
            held = {id(parameter) for parameter in parameters_of(self.optimizer)}
            trained = [self.model, self.optimizer, *(one for one in self.model.parameters() if id(one) not in held)]
            self._trained = tuple(map(weakref.ref, trained))
        for parameter in (*parameters_of(self.optimizer), *trained[2:]):
            if parameter is not None:
                parameter.grad = None

    def average(self) -> None:
        """Take the weights after a step into the running mean, where there is one."""
        if self.averaged is not None:
            self.averaged.update(float(self.knobs["ema"]), self.batch_size)

    def judged(self) -> AbstractContextManager[None]:
        """Return a context in which the model holds the weights that it is judged by: averaged ones, where there are."""
        return nullcontext() if self.averaged is None else self.averaged.in_place()

    def keep_best(self) -> None:
        """Remember the weights of now, as they are judged, as the best ones."""
        self.best.written_step = -1
        with self.judged():
            self.best.weights = {name: value.detach().cpu().clone() for name, value in self.model.state_dict().items()}

    def best_model(self) -> nn.Module:
        """Return a copy of the model with the best weights, in evaluation mode."""
        with self.judged():
            model = copy.deepcopy(self.model)
        if self.best.weights:
            mixing.fit(model, self.best.weights)
            model.load_state_dict(self.best.weights)
        return model.eval()


def first_values(config: Config, threads: int, in_order: bool = False) -> dict[str, KnobValue]:
    """Return every knob's value as the configuration has it; what it leaves out is as the data and the machine have it."""
    train: dict[str, Any] = config.train.model_dump()
    values: dict[str, KnobValue] = {name: train[name] for name in SPECS}
    values["threads"] = train["threads"] or threads
    values["shuffle"] = not in_order if train["shuffle"] is None else train["shuffle"]
    return values


def _unavailable_here(setup: Setup, device: DeviceInfo, memory_limit: float) -> dict[str, str]:
    reasons: dict[str, str] = {}
    if not device.amp_dtypes:
        reasons["amp"] = f"{device.name} has no mixed precision type"
    if why := why_no_tf32(torch.device(device.type, device.index)):
        reasons["tf32"] = why
    if device.type != "cpu":
        reasons["threads"] = "the work is done on the device"
    if memory_limit:
        reasons["compile"] = "a simulated device counts what kernels make one by one"
    elif why := why_not(torch.device(device.type)):
        reasons["compile"] = why
    if setup.source.train.cache_refusal:
        reasons["cache"] = setup.source.train.cache_refusal
    if setup.optimizer is not None:
        own = ("optimizer", "momentum", "beta2", "weight_decay")
        reasons |= dict.fromkeys(own, "the task brings its own optimizer")
    return reasons
