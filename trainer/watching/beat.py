"""Beats: what the steps since the last one were like, gathered without a synchronisation and told now and then.

On an asynchronous device the values are copied at one beat and told at the next, when they have arrived by themselves.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from math import inf, isfinite
from time import perf_counter
from typing import Any

import torch

from trainer.data.batch import Batch
from trainer.data.gauge import FetchCost
from trainer.stepping.memory import held, reserved_bytes
from trainer.stepping.optim import rate_of
from trainer.stepping.step import Taken
from trainer.training import Training
from trainer.watching.fetching import fetching
from trainer.watching.neighbours import alike, same_label
from trainer.watching.pace import Pace
from trainer.wire import BeatTaken, GuardActed, RunEnded
from trainer.words import Held

BEAT_S = 0.25
"""A beat at least so often, so that a person sees the run move."""

BEAT_SHARE = 0.01
"""… and for each hundredth of the run, so that a short run is seen in detail."""

SHED_BEAT_S = 1.0
"""Where beats cost too much."""

MOST_A_SECOND = 100
"""Never more often than that, unless the driver is waited for: a beat costs about 50 µs."""


VALUES_MOST = 64
"""Values of a series in one beat; more steps than that are told as the means of bins."""


@dataclass
class _Gathered:
    losses: list[torch.Tensor] = field(default_factory=list)
    norms: list[torch.Tensor] = field(default_factory=list)
    step_s: list[float] = field(default_factory=list)
    fetch_s: float = 0.0
    costs: list[FetchCost] = field(default_factory=list)
    skipped: int = 0
    clipped: int = 0
    rate: float = 0.0
    """That was set for the last step."""


class Beats:
    """Gathers steps and tells them as `BeatTaken`."""

    def __init__(self, training: Training) -> None:
        self._training = training
        self._gathered = _Gathered()
        self._late: tuple[BeatTaken, torch.Tensor, torch.cuda.Event | None] | None = None
        self._told_at = perf_counter()
        self._stepped_at = self._told_at
        self._held_at = 0.0
        self._seconds_of_sample = 0.0
        self._share_of = (0, 0)
        self._share_steps = 1
        """Steps that are `BEAT_SHARE` of a run of so large batches and so many samples."""
        self._pace = Pace(on_host=training.device.type == "cpu")
        self._knobs = dict(training.knobs)
        self.trial = ""
        """Set while rounds are run."""

    def step(self, taken: Taken, batch: Batch, *, looked: bool = False) -> None:
        """Take in one step; `looked`: its layers were looked at."""
        now = perf_counter()
        gathered = self._gathered
        gathered.losses.append(taken.loss)
        if taken.norm is not None:
            gathered.norms.append(taken.norm)
        gathered.step_s.append(now - self._stepped_at)
        gathered.fetch_s += batch.fetch_s
        if batch.cost is not None:
            gathered.costs.append(batch.cost)
        gathered.skipped += taken.skipped
        gathered.clipped += taken.clipped
        gathered.rate = taken.rate
        self._pace.step(now - self._stepped_at, self._training.clocks.so_far_s("input_wait"), looked=looked)
        self._stepped_at = now

    def known(self) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...], float, int, int]:
        """Return what was gathered since the last beat, read from the device now, for beats that go on from here."""
        one = self._gathered
        losses, norms = (tuple(float(value) for value in series) for series in (one.losses, one.norms))
        return losses, norms, tuple(one.step_s), one.fetch_s, one.skipped, one.clipped

    def go_on(
        self,
        losses: tuple[float, ...],
        norms: tuple[float, ...],
        step_s: tuple[float, ...],
        fetch_s: float,
        skipped: int,
        clipped: int,
    ) -> None:
        """Go on from what other beats have gathered."""
        device = self._training.device
        self._gathered = _Gathered(
            losses=[torch.tensor(value, device=device) for value in losses],
            norms=[torch.tensor(value, device=device) for value in norms],
            step_s=list(step_s),
            fetch_s=fetch_s,
            skipped=skipped,
            clipped=clipped,
        )

    def resume(self, after: str = "") -> None:
        """Go on after something that is no step: an evaluation, a trial, a pause; `after` as in `trainer.watching.pace`."""
        self._stepped_at = perf_counter()
        self._pace.resume(after)
        if self._knobs != self._training.knobs:
            self._knobs = dict(self._training.knobs)
            self._pace.renew()
        self._training.clocks.skip()

    def due(self) -> bool:
        """Tell whether the next beat is due; in lockstep by steps alone, so that a run repeats."""
        steps = len(self._gathered.losses)
        if self._training.lockstep:
            return steps > 0 and self._enough(steps)
        waited = self._stepped_at - self._told_at
        if self._training.bare or ("beats" in self._training.shed and waited < SHED_BEAT_S):
            return False
        follows = self._training.tempo.paced and not self.trial
        return steps > 0 and (waited >= BEAT_S or ((follows or waited >= 1 / MOST_A_SECOND) and self._enough(steps)))

    def _enough(self, steps: int) -> bool:
        if self._share_of != (self._training.batch_size, self._training.progress.samples_total):
            self._share_of = (self._training.batch_size, self._training.progress.samples_total)
            self._share_steps = max(1, round(self._training.steps_total * BEAT_SHARE))
        return steps >= self._share_steps

    def take(self, batch: Batch) -> None:
        """Tell what was gathered (on an asynchronous device: what was gathered one beat before)."""
        gathered, self._gathered = self._gathered, _Gathered()
        if not gathered.losses:
            return
        values = torch.stack([*gathered.losses, *gathered.norms]).float()
        beat = self._beat(gathered, batch)
        self._told_at = perf_counter()
        if self._training.device.type == "cpu":
            self._tell(beat, values)
            return
        copy = values.to("cpu", non_blocking=True)
        late, self._late = self._late, (beat, copy, _arrival(self._training.device))
        if late is not None:
            self._tell_late(*late)

    def flush(self, batch: Batch | None) -> None:
        """Tell all that is left, waiting for the device: before a trial, and at the end."""
        if batch is not None:
            self.take(batch)
        if self._late is not None:
            late, self._late = self._late, None
            self._tell_late(*late)

    def _tell_late(self, beat: BeatTaken, values: torch.Tensor, arrived: torch.cuda.Event | None) -> None:
        """Tell a beat when its values have arrived; the newer beat's work stays queued on the device meanwhile."""
        if arrived is not None:
            arrived.synchronize()
        else:
            torch.accelerator.synchronize()
        self._tell(beat, values)

    def drop(self) -> None:
        """Forget what was not told yet: it belongs to a branch that is left behind."""
        self._gathered, self._late = _Gathered(), None

    def _beat(self, gathered: _Gathered, batch: Batch) -> BeatTaken:
        training = self._training
        seconds, phases = training.clocks.take()
        steps = len(gathered.losses)
        examples = steps * training.batch_size
        pace = seconds / max(examples, 1)
        training.tempo.beat(seconds / steps * training.steps_total)
        old = self._seconds_of_sample
        self._seconds_of_sample = pace if not old else 0.9 * old + 0.1 * pace
        left = training.progress.samples_total - training.progress.samples
        return BeatTaken(
            **training.progress.where(),
            steps=steps,
            seconds=seconds,
            epoch=training.epoch,
            lr=rate_of(training.optimizer),
            lr_set=gathered.rate,
            loss=(),
            grad_norm=(),
            step_s=binned(gathered.step_s),
            phases=phases,
            loader_cpu_s=gathered.fetch_s / steps,
            fetching=fetching(gathered.costs),
            skipped=gathered.skipped,
            clipped=gathered.clipped,
            peak_bytes=training.room.highest_bytes(),
            reserved_bytes=reserved_bytes(training.device),
            held=self._held(),
            slow=self._pace.take(),
            trial=self.trial,
            waited_s=training.tempo.take_waited_s(),
            eta_s=max(left, 0) * self._seconds_of_sample,
            **_runs(training, batch),
        )

    def _held(self) -> Held | None:
        """Return what is held between steps, as often as a long run beats: reading it costs up to 50 µs."""
        if perf_counter() - self._held_at < BEAT_S:
            return None
        self._held_at = perf_counter()
        return held(self._training.device)

    def _tell_what_the_device_did(self, beat: BeatTaken, losses: list[float], norms: list[float]) -> None:
        """On an asynchronous device the guard acts without the host; the host tells it when the values arrive."""
        guard, scaled = self._training.guard, self._training.precision.scaler.is_enabled()
        limit = float(self._training.knobs["clip"]) or inf
        for place, (loss, norm) in enumerate(zip(losses, norms, strict=True), start=beat.step - len(losses) + 1):
            acted: tuple[str, str, float] | None = None
            if isfinite(loss) and isfinite(norm):
                if outlier := guard.outlier(loss, min(norm, limit)):
                    deed = "clipped" if guard.clips(outlier, loss, min(norm, limit)) else "saw"
                    acted = outlier, deed, norm if outlier == "gradient_outlier" else loss
            elif not scaled:
                why = "non_finite_gradient" if isfinite(loss) else "non_finite_loss"
                acted = why, "skipped" if guard.active else "saw", loss
            if acted is not None:
                guard.acted_step = place
                self._training.link.say(_told_late(beat, place, *acted))

    def _tell(self, beat: BeatTaken, values: torch.Tensor) -> None:
        both: list[float] = values.tolist()
        losses, norms = both[: beat.steps], both[beat.steps :]
        if self._training.device.type != "cpu":
            self._tell_what_the_device_did(beat, losses, norms)
        self._training.guard.learn(norms, losses)
        told = {"loss": binned(losses), "grad_norm": binned(norms), "paced": self._training.tempo.paced}  # as it is now
        self._training.link.say(beat.model_copy(update=told))


def _arrival(device: torch.device) -> torch.cuda.Event | None:
    """Return an event that is done when the copy that was just asked for has arrived; nothing without such events."""
    if device.type != "cuda":
        return None
    arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
    arrived.record()
    return arrived


def _told_late(beat: BeatTaken, step: int, why: str, deed: str, value: float) -> GuardActed:
    return GuardActed.model_validate({"step": step, "samples": beat.samples, "why": why, "deed": deed, "value": value})


def binned(values: list[float]) -> tuple[float, ...]:
    """Return at most 64 values: the means of bins of equal length. One NaN makes its bin NaN: it must not be lost."""
    if len(values) <= VALUES_MOST:
        return tuple(values)
    edges = [round(i * len(values) / VALUES_MOST) for i in range(VALUES_MOST + 1)]
    return tuple(sum(values[a:b]) / (b - a) for a, b in pairwise(edges))


def _runs(training: Training, batch: Batch) -> dict[str, Any]:
    """Return how alike neighbours in a batch are, as the beat tells it; of targets that the host holds."""
    targets, held = batch.targets, training.supply.split.targets
    if targets.device.type != "cpu":
        if held is None:
            return {}
        targets = held[torch.from_numpy(batch.ticket.indices)]
    same = same_label(targets)
    if isfinite(same):
        return {"label_runs": same, "run_pairs": len(targets) - 1}
    close = alike(targets)
    return {"target_runs": close, "run_pairs": len(targets) - 1} if isfinite(close) else {}


def last_words(training: Training, why: str, text: str, seconds: float) -> RunEnded:
    """Return the trainer's last event."""
    return RunEnded(
        **training.progress.where(),
        why=why,
        text=text,
        seconds=seconds,
        dropped=training.link.dropped,
    )
