"""The NVIDIA sensor, by NVML. Without a library, a driver or a device it is absent, and that is no error."""

import os
from collections.abc import Callable, Mapping
from typing import Any

import pynvml

from advisor.sensors.sample import DeviceSample, NeighbourSample

SLOW_EVERY_S = 2.0
"""Memory, power, clocks and throttle reasons (monitoring.md)."""
TEMPERATURE_EVERY_S = 5.0
"""A heat sink has no hurry."""

NEIGHBOURS_EVERY_S = 5.0
"""Devices beside the one that trains: whether they idle is told by minutes, and each look costs two calls a device."""

REASONS = {
    "nvmlClocksThrottleReasonHwSlowdown": "hardware",
    "nvmlClocksThrottleReasonSwThermalSlowdown": "heat",
    "nvmlClocksThrottleReasonHwThermalSlowdown": "heat",
    "nvmlClocksThrottleReasonHwPowerBrakeSlowdown": "power_brake",
    "nvmlClocksThrottleReasonSwPowerCap": "power_cap",
}
"""Reasons to slow down, in our words; an idle device and a clock that somebody has set do not count."""

HARMFUL = frozenset({"hardware", "heat", "power_brake"})
"""Those that something can be done about: a big device under full load always stands at its power cap."""

UNKNOWN = float("nan")
"""A reading that this device does not offer (some MIG slices, some laptops): missing is missing, never zero."""


class NvidiaSensor:
    """Reads the devices that the trainer can see, in the order in which torch numbers them."""

    def __init__(self, handles: list[tuple[int, Any]]) -> None:
        self._handles = handles
        self._names = {index: _text(_ask(pynvml.nvmlDeviceGetName, handle)) for index, handle in handles}
        self._bits = [(int(getattr(pynvml, name, 0)), word) for name, word in REASONS.items()]
        self._neighbours: list[tuple[int, Any]] = []
        self._neighbours_at = -NEIGHBOURS_EVERY_S
        self._slow_at = -SLOW_EVERY_S
        self._temperature_at = -TEMPERATURE_EVERY_S
        self._slow: dict[int, dict[str, Any]] = {}
        self._temperature: dict[int, float] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the devices, in torch's order."""
        return tuple(self._names.values())

    def watch(self, index: int) -> None:
        """Read only the device that trains: each further one costs another round of calls."""
        every = sorted([*self._handles, *self._neighbours], key=lambda pair: pair[0])
        if index in dict(every):
            self._handles = [pair for pair in every if pair[0] == index]
            self._neighbours = [pair for pair in every if pair[0] != index]

    def read(self, now: float) -> tuple[DeviceSample, ...]:
        """Return the devices as they are; `now` in seconds of any clock that only rises."""
        slow = now - self._slow_at >= SLOW_EVERY_S
        warm = now - self._temperature_at >= TEMPERATURE_EVERY_S
        self._slow_at = now if slow else self._slow_at
        self._temperature_at = now if warm else self._temperature_at
        return tuple(self._read(index, handle, slow=slow, warm=warm) for index, handle in self._handles)

    def read_neighbours(self, now: float) -> tuple[NeighbourSample, ...]:
        """Return the devices beside the one that trains, when it is time to look again; `now` as in `read`."""
        if now - self._neighbours_at < NEIGHBOURS_EVERY_S:
            return ()
        self._neighbours_at = now
        return tuple(_neighbour(index, handle) for index, handle in self._neighbours)

    def _read(self, index: int, handle: Any, *, slow: bool, warm: bool) -> DeviceSample:
        if slow or index not in self._slow:
            self._slow[index] = self._read_slow(handle)
        if warm or index not in self._temperature:
            self._temperature[index] = _number(pynvml.nvmlDeviceGetTemperature, handle, pynvml.NVML_TEMPERATURE_GPU)
        busy = _ask(pynvml.nvmlDeviceGetUtilizationRates, handle)
        return DeviceSample(
            index=index,
            name=self._names[index],
            busy_share=float(busy.gpu) / 100 if busy is not None else UNKNOWN,
            temperature_c=self._temperature[index],
            **self._slow[index],
        )

    def _read_slow(self, handle: Any) -> dict[str, Any]:
        memory = _ask(pynvml.nvmlDeviceGetMemoryInfo, handle)
        told = _ask(pynvml.nvmlDeviceGetCurrentClocksThrottleReasons, handle)
        reasons = None if told is None else tuple(sorted({word for bit, word in self._bits if int(told) & bit}))
        clock = _number(pynvml.nvmlDeviceGetClockInfo, handle, pynvml.NVML_CLOCK_SM)
        clock_max = _number(pynvml.nvmlDeviceGetMaxClockInfo, handle, pynvml.NVML_CLOCK_SM)
        return {
            "memory_bytes": int(memory.total) if memory is not None else 0,
            "memory_used_bytes": int(memory.used) if memory is not None else 0,
            "power_w": _number(pynvml.nvmlDeviceGetPowerUsage, handle) / 1000,
            "power_limit_w": _number(pynvml.nvmlDeviceGetEnforcedPowerLimit, handle) / 1000,
            "clock_mhz": 0 if clock != clock else int(clock),
            "clock_max_mhz": 0 if clock_max != clock_max else int(clock_max),
            "throttled": not HARMFUL.isdisjoint(reasons or ()),
            "reasons": reasons,
        }


def _neighbour(index: int, handle: Any) -> NeighbourSample:
    busy, memory = _ask(pynvml.nvmlDeviceGetUtilizationRates, handle), _ask(pynvml.nvmlDeviceGetMemoryInfo, handle)
    return NeighbourSample(
        index=index,
        busy_share=float(busy.gpu) / 100 if busy is not None else UNKNOWN,
        memory_bytes=int(memory.total) if memory is not None else 0,
        memory_used_bytes=int(memory.used) if memory is not None else 0,
    )


def open_nvidia(environment: Mapping[str, str] = os.environ) -> NvidiaSensor | None:
    """Return the sensor of the devices that are here and visible to CUDA, or nothing."""
    try:
        pynvml.nvmlInit()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(at) for at in range(pynvml.nvmlDeviceGetCount())]
    except pynvml.NVMLError:
        return None
    uuids = [_text(_ask(pynvml.nvmlDeviceGetUUID, handle)) for handle in handles]
    seen = visible(environment.get("CUDA_VISIBLE_DEVICES"), uuids)
    return NvidiaSensor([(index, handles[at]) for index, at in enumerate(seen)]) if seen else None


def visible(wanted: str | None, uuids: list[str]) -> list[int]:
    """Return which devices CUDA shows, and in which order: CUDA stops at the first name that it does not know.

    Args:
        wanted: CUDA_VISIBLE_DEVICES: numbers or (beginnings of) UUIDs; nothing for all.
        uuids: The devices of this machine, in NVML's order.
    """
    if wanted is None:
        return list(range(len(uuids)))
    seen: list[int] = []
    for word in filter(None, (part.strip() for part in wanted.split(","))):
        if word.isdigit():
            match = [int(word)] if int(word) < len(uuids) else []
        else:
            match = [at for at, uuid in enumerate(uuids) if uuid.startswith(word)]
        if len(match) != 1 or match[0] in seen:
            break
        seen += match
    return seen


def _ask(question: Callable[..., Any], *about: Any) -> Any:
    try:
        return question(*about)
    except pynvml.NVMLError:
        return None


def _number(question: Callable[..., Any], *about: Any) -> float:
    answer = _ask(question, *about)
    return UNKNOWN if answer is None else float(answer)


def _text(answer: Any) -> str:
    if answer is None:
        return ""
    return answer.decode() if isinstance(answer, bytes) else str(answer)
