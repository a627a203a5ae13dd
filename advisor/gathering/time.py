"""Facts about time and room: phases of a step, input pipeline, host, utilisation, memory."""

from collections.abc import Iterable
from math import nan, prod
from statistics import mean

from advisor.gathering.peaks import computed
from advisor.sensors.sample import HostSample, NeighbourSample
from advisor.signals.signals import Signals
from advisor.signals.time import MICROSECOND_S
from advisor.signals.windows import median_of, quantile_of
from rules.facts import HostFacts, LoaderFacts, MemoryFacts, NeighbourFacts, PhaseFacts, UtilisationFacts

LEAST_TIMED_STEPS = 20
"""Steady steps before a time counts (rules.md)."""
PARTS = ("input_wait", "to_device", "forward", "backward", "optimizer", "advisor", "other")
"""The parts of a step, as a beat names them."""
FLOAT_BYTES = 4
"""A decoded item is kept as float32."""
BUSY_SHARE = 0.05
"""A device that computes less than that, …"""
HELD_SHARE = 0.05
"""… and holds less of its memory than that (a driver holds some hundred MiB), is used by nobody."""


def phases(signals: Signals) -> PhaseFacts | None:
    """Return where the time of a step goes, once there are enough steady steps."""
    times = signals.times
    if times.steps < LEAST_TIMED_STEPS:
        return None
    seconds = {part: sum(beat.phases.get(part, 0.0) for beat in times.beats) for part in PARTS}
    total = max(sum(seconds.values()), MICROSECOND_S)
    steps = [step_s for beat in times.beats for step_s in beat.step_s] or [signals.step_s]
    batch = signals.knobs["batch_size"].value if "batch_size" in signals.knobs else 0
    step_s = max(median_of(steps), MICROSECOND_S)
    elapsed_s = max(signals.elapsed_s, MICROSECOND_S)
    flops, peak = computed(
        signals.started, {name: knob.value for name, knob in signals.knobs.items()}, float(batch) / step_s
    )
    return PhaseFacts(
        step_s=step_s,
        step_p95_s=quantile_of(steps, 0.95),
        shares={part: part_s / total for part, part_s in seconds.items()},
        evaluation_share=min(signals.evaluation_s / elapsed_s, 1.0),
        checkpoint_share=signals.checkpoints.share(elapsed_s),
        samples_per_s=float(batch) / step_s,
        flops=flops,
        mfu=flops / peak,
    )


def loader(signals: Signals) -> LoaderFacts | None:
    """Return the input pipeline, where items are fetched one by one."""
    timed = phases(signals)
    started = signals.started
    if timed is None or started is None or started.task.in_memory or "workers" not in signals.knobs:
        return None
    wait_s = sum(beat.phases.get("input_wait", 0.0) for beat in signals.times.beats) / signals.times.steps
    fetches = [beat.loader_cpu_s for beat in signals.times.beats if beat.loader_cpu_s > 0]
    cache = signals.knobs.get("cache")
    item_bytes = FLOAT_BYTES * prod(started.task.input_shape)
    return LoaderFacts(
        wait_share=timed.shares["input_wait"],
        wait_s=wait_s,
        fetch_s=median_of(fetches) if fetches else wait_s,
        workers=int(signals.knobs["workers"].value),
        prefetch=int(signals.knobs["prefetch"].value),
        cached=bool(cache and cache.value),
        decoded_bytes=item_bytes * started.task.train_examples,
        batch_bytes=item_bytes * int(signals.knobs["batch_size"].value),
    )


def host(signals: Signals) -> HostFacts | None:
    """Return the machine, as psutil saw it."""
    if not signals.host:
        return None
    newest = signals.host[-1]
    return HostFacts(
        cores=newest.cores,
        idle_cores=median_of(sample.idle_cores for sample in signals.host),
        memory_bytes=newest.memory_bytes,
        memory_free_bytes=newest.memory_free_bytes,
        shm_free_bytes=newest.shm_free_bytes,
        others_cores=_others(signals.host),
        io_stall_share=newest.io_stall_share if newest.io_stall_share >= 0 else nan,
    )


def _others(samples: Iterable[HostSample]) -> float:
    """Return the cores that other programs keep busy; NaN where nobody knows what the trainer does."""
    return median_of(
        max(one.busy_share * one.cores - one.trainer_cores, 0.0) for one in samples if one.trainer_cores >= 0
    )


def utilisation(signals: Signals) -> UtilisationFacts | None:
    """Return what NVML saw over the last half minute."""
    if not signals.devices:
        return None
    seen = [device for _, device in signals.devices]
    return UtilisationFacts(
        busy_share=mean(device.busy_share for device in seen),
        memory_share=max(device.memory_used_bytes / max(device.memory_bytes, 1) for device in seen),
        power_w=mean(device.power_w for device in seen),
        temperature_c=max(device.temperature_c for device in seen),
        throttled_share=mean(device.throttled for device in seen),
    )


def neighbours(signals: Signals) -> NeighbourFacts | None:
    """Return the other devices that the run sees, where it trains on one of their kind."""
    looks = [{one.index: one for one in seen} for _, seen in signals.neighbours]
    if not looks or signals.started is None or signals.started.device.type != "cuda":
        return None
    free = [index for index in looks[-1] if all(index in look and _unused(look[index]) for look in looks)]
    return NeighbourFacts(devices=len(looks[-1]) + 1, idle=len(free), looks=len(looks))


def _unused(device: NeighbourSample) -> bool:
    return device.busy_share < BUSY_SHARE and device.memory_used_bytes < HELD_SHARE * device.memory_bytes


def memory(signals: Signals) -> MemoryFacts | None:
    """Return the memory of the device in use."""
    started = signals.started
    if started is None or not (signals.peak_bytes or signals.ran_out) or started.device.memory_bytes <= 0:
        return None
    batch = int(signals.knobs["batch_size"].value) if "batch_size" in signals.knobs else 0
    micro = int(signals.knobs["micro_batch"].value) if "micro_batch" in signals.knobs else 0
    measured = signals.probes.get("memory_model", {})
    return MemoryFacts(
        peak_bytes=signals.peak_bytes,
        peak_share=signals.peak_bytes / started.device.memory_bytes,
        reserved_bytes=signals.beat.reserved_bytes if signals.beat else 0,
        ran_out=signals.ran_out,
        micro_batch=micro or batch,
        largest_batch=int(measured.get("largest_batch", 0)),
        counted=measured.get("source") == "counted",
        told=started.device.memory_counted,
    )
