"""The scene: all that the screens draw, folded from the stream; its memory is flat however long the run."""

from collections import deque
from dataclasses import dataclass, field
from typing import cast

from advisor.ledger import Entry, Judged, TrialStarted
from advisor.sensors.sample import Sample
from advisor.story.story import Story
from advisor.tui.series import Series
from advisor.tui.sources import Record, as_event
from trainer import wire

RECENT_S = 8.0
"""The step-time bar shows the phases of so many seconds of steps: short enough to show a turn, long enough to stand still."""
SAMPLES_KEPT = 240
"""Samples for the little curves of the machine panel: four minutes at one a second."""
SPANS_KEPT = 100
"""Trials shaded on the charts; older ones go first."""
LAST_EVENTS = 50
"""Events shown after a crash (screens.md)."""


@dataclass
class Curves:
    """What the charts draw, over steps."""

    loss: Series = field(default_factory=Series)
    grad_norm: Series = field(default_factory=Series)
    lr: Series = field(default_factory=Series)
    val_loss: Series = field(default_factory=Series)
    metric: Series = field(default_factory=Series)
    train_metric: Series = field(default_factory=Series)

    def turn_back(self, step: int) -> None:
        """Leave what lies behind `step` as an abandoned branch in every curve."""
        for series in vars(self).values():
            series.turn_back(step)


class Scene:
    """A story with its curves, recent phases, samples and trial spans."""

    def __init__(self) -> None:
        self.story = Story()
        self.curves = Curves()
        self.version = 0
        """Rises with every record."""
        self.tale_version = 0
        """Rises with every record that is neither a beat nor a sample: what the feed tells may then have changed."""
        self.spans: deque[tuple[float, float | None, str]] = deque(maxlen=SPANS_KEPT)
        """Trials: first step, last step (nothing while it runs), and their id."""
        self.samples: deque[Sample] = deque(maxlen=SAMPLES_KEPT)
        self.last_events: deque[wire.Event] = deque(maxlen=LAST_EVENTS)
        self._beats: deque[wire.BeatTaken] = deque()
        self._beats_s = 0.0

    def take(self, record: Record) -> None:
        """Take in one record."""
        self.version += 1
        if isinstance(record, Sample):
            self.samples.append(record)
            return
        self.tale_version += not isinstance(record, wire.BeatTaken)
        if isinstance(record, wire.BeatTaken):
            self.story.hear(record)
            self._hear(record)
        elif (event := as_event(record)) is not None:
            self.story.hear(event)
            self._hear(event)
        else:
            entry = cast("Entry", record)
            self.story.enter(entry)
            if isinstance(entry, TrialStarted) and entry.how in ("rounds", "fork"):
                self._open_span(entry.step, entry.trial)
            elif isinstance(entry, Judged):
                self._close_span(entry.step, entry.trial)

    @property
    def phases(self) -> dict[str, float]:
        """Seconds by part of a step over the last seconds."""
        total: dict[str, float] = {}
        for beat in self._beats:
            for part, part_s in beat.phases.items():
                total[part] = total.get(part, 0.0) + part_s
        return total

    @property
    def recent_step_s(self) -> float:
        """Mean wall seconds of a step over the last seconds; NaN before the first beat."""
        steps = sum(beat.steps for beat in self._beats)
        return self._beats_s / steps if steps else float("nan")

    @property
    def trend(self) -> float:
        """Relative change of the pace between the older and the newer half of the last seconds; NaN when unknown."""
        beats = list(self._beats)
        halves = [beats[: len(beats) // 2], beats[len(beats) // 2 :]]
        if len(beats) < 4:
            return float("nan")
        older, newer = (sum(one.steps for one in half) / max(sum(one.seconds for one in half), 1e-9) for half in halves)
        return newer / older - 1 if older > 0 else float("nan")

    def _hear(self, event: wire.Event) -> None:
        if not isinstance(event, wire.BeatTaken) or not self.last_events or event.step % 10 == 0:
            self.last_events.append(event)
        match event:
            case wire.BeatTaken():
                self._beat(event)
            case wire.Evaluated(split="val"):
                self._evaluate(event)
            case wire.RolledBack():
                self.curves.turn_back(event.step)
            case wire.RunStarted():
                self._beats.clear()
                self._beats_s = 0.0
                self.curves.turn_back(event.step)
            case wire.TrialBegan():
                self._open_span(event.step, event.trial)
            case wire.TrialEnded():
                self._close_span(event.step, event.trial)

    def _beat(self, beat: wire.BeatTaken) -> None:
        steps: list[float] = []
        for series, values in ((self.curves.loss, beat.loss), (self.curves.grad_norm, beat.grad_norm)):
            if values:
                if len(values) != len(steps):
                    first, each = beat.step - beat.steps, beat.steps / len(values)
                    steps = [first + each * place for place in range(1, len(values) + 1)]
                series.append(steps, values)
        self.curves.lr.append((float(beat.step),), (beat.lr,))
        self._beats.append(beat)
        self._beats_s += beat.seconds
        while len(self._beats) > 4 and self._beats_s - self._beats[0].seconds > RECENT_S:
            self._beats_s -= self._beats.popleft().seconds

    def _evaluate(self, event: wire.Evaluated) -> None:
        if event.final:
            return
        step = (float(event.step),)
        self.curves.val_loss.append(step, (event.loss,))
        name = self.story.started.task.metric if self.story.started else ""
        if name in event.metrics:
            self.curves.metric.append(step, (event.metrics[name],))
        if name in event.train_metrics:
            self.curves.train_metric.append(step, (event.train_metrics[name],))

    def _open_span(self, step: int, trial: str) -> None:
        if all(one != trial for _, _, one in self.spans):
            self.spans.append((float(step), None, trial))

    def _close_span(self, step: int, trial: str) -> None:
        for place, (first, last, one) in enumerate(self.spans):
            if one == trial and last is None:
                self.spans[place] = (first, max(float(step), first), trial)
