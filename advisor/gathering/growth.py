"""Facts about memory over time: growth of device, trainer and workers, and what the allocator keeps."""

from math import nan
from typing import Any

from advisor.signals.growth import slope
from advisor.signals.memory import Reading
from advisor.signals.signals import Signals
from rules.facts import AllocatorFacts, Growth, GrowthFacts, Holder

STEPS_LEAST = 50
"""Steps that a slope rests on (rules.md)."""


def growth(signals: Signals) -> GrowthFacts | None:
    """Return how the memories grow of which enough was read."""
    grown = tuple(one for name in signals.memory.series if (one := _growth(signals, name)) is not None)
    if not grown:
        return None
    told = signals.probes.get("memory_holders", {})
    steps = max(int(told.get("steps", 0)), 1)
    return GrowthFacts(
        growths=grown,
        holders=tuple(_holder(one) for one in told.get("growing", ())),
        graphs_added=(told["graphs_after"] - told["graphs_before"]) / steps if told else nan,
    )


def _holder(told: dict[str, Any]) -> Holder:
    return Holder(**{name: told[name] for name in Holder.__dataclass_fields__})


def _growth(signals: Signals, name: str) -> Growth | None:
    readings, memory = signals.memory.series[name].readings, signals.memory
    first_pass = signals.epoch < memory.pass_began + 1
    if not first_pass:
        readings = [one for one in readings if one.epoch >= memory.pass_began + 1]
    if len(readings) < 2 or readings[-1].step - readings[0].step < STEPS_LEAST:
        return None
    found = slope([(one.step, one.held_bytes) for one in readings])
    if found is None:
        return None
    steps = readings[-1].step - readings[0].step
    limit_bytes, free_bytes = _room(signals, name)
    per_pass = signals.started.steps_per_epoch if signals.started is not None else 0
    return Growth(
        of=name,
        bytes_per_step=found.bytes_per_step,
        grown_bytes=found.bytes_per_step * steps,
        steps=steps,
        ordered=found.ordered,
        limit_bytes=limit_bytes,
        free_bytes=free_bytes,
        pass_steps_left=max(memory.pass_began + 1 - signals.epoch, 0.0) * per_pass,
        step_s=_step_s(readings),
    )


def _step_s(readings: list[Reading]) -> float:
    return (readings[-1].t - readings[0].t) / (readings[-1].step - readings[0].step)


def _room(signals: Signals, name: str) -> tuple[float, float]:
    """Return all there is of a memory, and what of it is free now, in bytes; NaN where nobody says."""
    if name != "device":
        newest = signals.host[-1] if signals.host else None
        return (nan, nan) if newest is None else (float(newest.memory_bytes), float(newest.memory_free_bytes))
    if signals.started is None or signals.beat is None:
        return nan, nan
    whole = signals.started.device.memory_bytes
    return float(whole), float(max(whole - signals.beat.peak_bytes, 0))


def allocator(signals: Signals) -> AllocatorFacts | None:
    """Return what the allocator of an accelerator keeps."""
    started, beat = signals.started, signals.beat
    if started is None or beat is None or started.device.type == "cpu" or not beat.reserved_bytes:
        return None
    return AllocatorFacts(
        reserved_bytes=beat.reserved_bytes, needed_bytes=signals.peak_bytes, memory_bytes=started.device.memory_bytes
    )
