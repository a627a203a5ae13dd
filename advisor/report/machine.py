"""How busy the machine was, on the axis of steps: what the sensors saw, by the step that the run had reached then."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import Any

from advisor.sensors.sample import Sample
from trainer import wire

POINTS = 300
"""More than a plot has room for."""


def busy(events: Iterable[wire.Event], samples: Sequence[Sample]) -> dict[str, Any]:
    """Return `steps`, `share` (0 to 1) and `of`: the device that trains, or the processors where there is none.

    A sample belongs to the newest beat before it; samples of one step are averaged. Nothing where nobody sensed.
    """
    beats = [(event.t, event.step) for event in events if isinstance(event, wire.BeatTaken)]
    times = [t for t, _ in beats]
    of_device = any(sample.devices for sample in samples)
    found: dict[int, list[float]] = {}
    for sample in samples:
        share = _share(sample, of_device=of_device)
        at = bisect_right(times, sample.t) - 1
        if share is not None and at >= 0:
            found.setdefault(beats[at][1], []).append(share)
    steps = sorted(found)
    if not steps:
        return {}
    every = -(-len(steps) // POINTS)
    groups = [steps[at : at + every] for at in range(0, len(steps), every)]
    return {
        "steps": [group[-1] for group in groups],
        "share": [fmean(share for step in group for share in found[step]) for group in groups],
        "of": "device" if of_device else "processors",
    }


def _share(sample: Sample, *, of_device: bool) -> float | None:
    if of_device:
        return fmean(one.busy_share for one in sample.devices) if sample.devices else None
    return sample.host.busy_share if sample.host is not None else None
