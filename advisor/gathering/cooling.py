"""Facts about what holds clocks back: heat, power, and a container's quota of processor time."""

from math import nan
from statistics import mean

from advisor.sensors.sample import DeviceSample
from advisor.signals.signals import Signals
from advisor.signals.windows import median_of
from rules.facts import CoolingFacts, HeldBackFacts

SAMPLES_LEAST = 20
"""Of the last half minute: fewer hold less than one of each kind of moment."""
COMPUTES_SHARE = 0.5
"""Busy share from which a low clock is no rest."""


def cooling(signals: Signals) -> CoolingFacts | None:
    """Return what NVML says about clocks and heat of the device that trains, where it says anything."""
    seen = [device for _, device in signals.devices]
    if signals.started is None or signals.started.device.type != "cuda" or len(seen) < SAMPLES_LEAST:
        return None
    told = [one.reasons for one in seen if one.reasons is not None]
    clocks = [
        one.clock_mhz / one.clock_max_mhz for one in seen if one.clock_mhz and one.clock_max_mhz and _computes(one)
    ]
    if not told and not clocks:
        return None
    return CoolingFacts(
        samples=len(seen),
        heat_share=_share(told, "heat", "hardware"),
        brake_share=_share(told, "power_brake"),
        capped_share=_share(told, "power_cap"),
        temperature_c=median_of(one.temperature_c for one in seen),
        clock_share=median_of(clocks),
        power_limit_w=seen[-1].power_limit_w,
    )


def _computes(device: DeviceSample) -> bool:
    return device.busy_share >= COMPUTES_SHARE


def _share(told: list[tuple[str, ...]], *words: str) -> float:
    return mean(any(word in reasons for word in words) for reasons in told) if told else nan


def held_back(signals: Signals) -> HeldBackFacts | None:
    """Return what holds the processor back, where the kernel counts it."""
    newest = signals.host[-1] if signals.host else None
    if newest is None or (newest.hot_share < 0 and newest.quota_stall_share < 0):
        return None
    return HeldBackFacts(
        hot_share=newest.hot_share if newest.hot_share >= 0 else nan,
        quota_share=newest.quota_stall_share if newest.quota_stall_share >= 0 else nan,
        cores=float(newest.cores),
    )
