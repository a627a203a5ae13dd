"""The probe `throughput_screen`: which settings make steps faster on this machine, and which of them together.

Every candidate is timed in short stretches on one batch that lies ready, beside the best settings so far, and joins them where
it is faster: what pays depends on what was chosen before it (bf16 on the memory layout, the batch on both). Larger
batches come last and are only timed: which of them a run can bear is not known here. What is found is a guess that has cost
seconds; rounds on the run's own batches decide.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import inf
from statistics import median
from time import perf_counter
from typing import Any

import torch

from trainer.data.batch import Batch
from trainer.device import synchronise
from trainer.knobs import KnobError, KnobValue
from trainer.probing.memory_model import DATA_SHARE, batch_of
from trainer.stepping.pieces import cut
from trainer.stepping.step import take_step
from trainer.training import Training
from trainer.turning import set_knobs

STRETCH_S = 0.15
"""Of one stretch: long beside a look at the clock; the rounds that follow are the measurement."""

PAIRS = 3
"""Stretches of either side, in turns; the median pair counts."""

STEPS_LEAST = 2
"""Of a stretch, however long they are."""

WARM_STEPS = 2
"""Of each side first: kernels are chosen and memory is found."""

WORTH = 0.03
"""Relative time an example that a setting must save to be taken on: less is within the noise of such stretches."""

HOPELESS_TIMES = 2.0
"""A candidate whose warm steps take so many times as long is timed no further."""

MOST_S = 10.0
"""Of the whole screen; what has not been timed by then is left as it is."""

BATCH_TIMES_MOST = 16
"""Times the batch of now: more is not asked for."""

STEPS_AN_EPOCH = 50
"""That must remain (knobs.md)."""

Settings = dict[str, KnobValue]


class NothingToScreen(Exception):
    """No setting can be turned here that would make steps faster; the text says so."""


@dataclass
class _Screen:
    """The batch that lies ready, and what was timed so far."""

    training: Training
    batch: Batch
    deadline: float
    timed: list[dict[str, Any]]

    def gain(self, best: Settings, candidate: Settings) -> float:
        """Return the relative time an example that the candidate saves beside the best settings so far."""
        sides = (best, candidate)
        control_s = self._warm(best, inf)
        pace = (control_s, self._warm(candidate, HOPELESS_TIMES * control_s))
        if pace[1] > HOPELESS_TIMES * pace[0]:
            return 1 - pace[1] / pace[0]
        steps = [
            max(STEPS_LEAST, round(STRETCH_S / (each_s * self._size(settings))))
            for each_s, settings in zip(pace, sides, strict=True)
        ]
        ratios = []
        for number in range(PAIRS):
            each = {place: self._pace(sides[place], steps[place]) for place in ((0, 1), (1, 0))[number % 2]}
            ratios.append(each[1] / each[0])
        return 1 - median(ratios)

    def note(self, settings: Settings, gain: float) -> None:
        """Keep what was timed."""
        self.timed += [{"knob": knob, "value": value, "gain": gain} for knob, value in settings.items()]

    @property
    def over(self) -> bool:
        """Whether the time is used up."""
        return perf_counter() > self.deadline

    def _size(self, settings: Settings) -> int:
        return int(settings.get("batch_size", self.training.batch_size))

    def _warm(self, settings: Settings, limit_s: float) -> float:
        """Return the seconds an example behind some warm steps; beyond the limit no more of them are taken.

        The first one may take any time: what is computed in bf16 for the first time has its kernels made then, which was
        seen to take sixty times a step.
        """
        for number in range(WARM_STEPS + 1):
            each_s = self._pace(settings, 1)
            if number and each_s > HOPELESS_TIMES * limit_s and each_s * self._size(settings) > STRETCH_S:
                break
        return each_s

    def _pace(self, settings: Settings, steps: int) -> float:
        """Return the seconds an example of so many steps under some settings."""
        training, size = self.training, self._size(settings)
        held = {knob: training.knobs[knob] for knob in settings}
        progress = replace(training.progress)
        few = Batch(cut(self.batch.inputs, 0, size), self.batch.targets[:size], self.batch.ticket)
        set_knobs(training, settings)
        try:
            synchronise(training.device)
            begun = perf_counter()
            for _ in range(steps):
                take_step(training, few)
            synchronise(training.device)
            return (perf_counter() - begun) / (steps * size)
        finally:
            training.progress = progress
            set_knobs(training, held)


def throughput_screen(training: Training) -> dict[str, Any]:
    """Time settings on one batch; return the fastest together.

    Returns:
        `turns`: knob → value of all settings that pay together, but for the batch size, which changes what is learned;
        `gain`: relative time an example that they save, 0 to 1. `timed`: for each candidate `knob`, `value` and `gain`
        beside the best settings before it, that of a batch size beside all of `turns`.

    Raises:
        NothingToScreen: when no knob can be turned.
    """
    sizes = _batches(training)
    candidates = list(_candidates(training))
    if not candidates and not sizes:
        raise NothingToScreen("no setting can be turned here that changes the time of a step alone")
    batch = batch_of(training, max(sizes, default=training.batch_size))
    screen = _Screen(training, batch, perf_counter() + MOST_S, [])
    best: Settings = {}
    left = 1.0
    for candidate in candidates:
        if screen.over:
            break
        gain = screen.gain(best, {**best, **candidate})
        screen.note(candidate, gain)
        if gain >= WORTH:
            best, left = {**best, **candidate}, left * (1 - gain)
    for size in sizes:
        if screen.over:
            break
        try:
            gain = screen.gain(best, {**best, "batch_size": size})
        except torch.OutOfMemoryError:
            training.room.tidy()
            break
        screen.note({"batch_size": size}, gain)
    return {"turns": best, "gain": 1 - left, "timed": screen.timed}


def _candidates(training: Training) -> Iterator[Settings]:
    """Yield the settings that change nothing that is learned, in the order in which they are timed."""
    knobs, info = training.knobs, training.device_info
    asked: list[Settings] = []
    if training.device.type == "cpu":
        usual = info.threads
        asked += [{"threads": count} for count in dict.fromkeys((usual, max(usual // 2, 1), 1))]
    asked += [{"channels_last": True}, {"tf32": True}, {"amp": "auto"}]
    for settings in asked:
        turnable = all(knob in knobs and knobs[knob] != value for knob, value in settings.items())
        if settings.get("amp") and knobs["amp"] != "off":
            continue
        if turnable and _can(training, settings):
            yield settings


def _can(training: Training, settings: Settings) -> bool:
    known = {knob.name: knob for knob in training.catalogue()}
    try:
        for knob, value in settings.items():
            known[knob].check(value)
    except KnobError:
        return False
    return True


def _batches(training: Training) -> list[int]:
    """Return the larger batches that may be tried, smallest first."""
    now, examples = training.batch_size, training.setup.source.train.examples
    most = min(now * BATCH_TIMES_MOST, int(examples * DATA_SHARE), examples // STEPS_AN_EPOCH)
    sizes = []
    while now * 2 <= most and _can(training, {"batch_size": now * 2}):
        now *= 2
        sizes.append(now)
    return sizes
