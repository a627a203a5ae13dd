"""What the timeline of a run shows: its panels from top to bottom, and the numbered marks over them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import copysign, inf, isfinite, nan
from typing import Any

from advisor.report.words import duration, number, share, size

SMOOTHING = 0.8
"""Weight of the neighbours in the line that is drawn over the raw loss."""
VAST = 1e100
"""Beyond what float32 holds, and far from where the arithmetic of an axis overflows."""
SMOOTHED_LEAST = 60
"""A curve of fewer points is its own line."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Panel:
    """One panel: its curves by CSS class, and how its numbers are written."""

    title: str
    curves: tuple[tuple[str, tuple[Point, ...]], ...]
    height: int
    write: Callable[[float], str] = number
    dots: tuple[Point, ...] = ()
    hline: float | None = None
    """A level to compare with: the constant guess."""
    whole: tuple[float, float] | None = None
    """A range that is always seen: a part is read against its whole."""


@dataclass(frozen=True)
class Flag:
    """A numbered mark over all panels."""

    number: int
    step: float
    kind: str
    text: str


def timeline_panels(timeline: dict[str, Any], metric: str, baseline: float) -> list[Panel]:
    """Return the panels of a report's timeline: loss, metric, rate, step time, what is busy, memory."""
    steps = timeline.get("steps", [])
    loss = _points(steps, timeline.get("loss", []))
    abandoned = tuple(("abandoned", _points(one["steps"], one["loss"])) for one in timeline.get("abandoned", []))
    memory = _points(steps, timeline.get("memory_bytes", []))
    busy = timeline.get("busy")
    at = timeline.get("metric_steps", [])
    scored = _points(at, timeline.get("metric", []))
    losses = (
        ("raw", loss),
        *abandoned,
        ("line", _smoothed(loss)),
        ("second", _points(at, timeline.get("val_loss", []))),
    )
    metrics = (("second faint", _points(at, timeline.get("train_metric", []))), ("line", scored))
    return [
        Panel("loss: line training, dashes validation", losses, 150),
        Panel(
            f"{metric}: line validation, dashes training",
            metrics,
            110,
            number,
            scored,
            _plain(baseline) if isfinite(_plain(baseline)) else None,
        ),
        Panel("learning rate", (("line", _points(steps, timeline.get("lr", []))),), 56),
        Panel("time of a step", (("line", _points(steps, timeline.get("step_s", []))),), 56, duration),
        *([_busy_panel(busy)] if busy else []),
        *([Panel("memory at its peak", (("line", memory),), 56, size)] if any(y > 0 for _, y in memory) else []),
    ]


def _busy_panel(busy: Mapping[str, Any]) -> Panel:
    curve = ("line", _points(busy["steps"], busy["share"]))
    return Panel(f"{busy['of']} busy", (curve,), 56, share, whole=(0.0, 1.0))


def finite(points: Sequence[Point]) -> list[Point]:
    """Return the points that have a value."""
    return [point for point in points if isfinite(point[1])]


def _smoothed(points: Sequence[Point]) -> tuple[Point, ...]:
    """Return the mean of a moving average from the left and one from the right: smooth, and nothing is late."""
    if len(points) < SMOOTHED_LEAST:
        return tuple(points)
    values = [y for _, y in points]
    right = list(reversed(_moving(values[::-1])))
    return tuple((x, (a + b) / 2) for (x, _), a, b in zip(points, _moving(values), right, strict=True))


def _moving(values: Sequence[float]) -> list[float]:
    mean, smooth = nan, []
    for value in values:
        if isfinite(value):
            mean = value if not isfinite(mean) else SMOOTHING * mean + (1 - SMOOTHING) * value
        smooth.append(mean if isfinite(value) else value)
    return smooth


def _points(steps: Sequence[float], values: Sequence[Any]) -> tuple[Point, ...]:
    return tuple((float(x), _plain(y)) for x, y in zip(steps, values, strict=False))


def _plain(told: Any) -> float:
    """Return a value that an axis can hold: missing is no number, and beyond `VAST` there is no end and no beginning."""
    value = nan if told is None else float(told)
    if abs(value) > VAST:
        return copysign(inf, value)
    return 0.0 if abs(value) < 1 / VAST else value
