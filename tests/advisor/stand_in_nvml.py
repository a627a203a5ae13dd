"""A stand-in for the module pynvml: devices whose readings are set by whoever stands them in."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pynvml


@dataclass
class Device:
    """One device; a reading that is `None` is one that it does not offer."""

    name: str = "a big device"
    uuid: str = "GPU-1"
    busy: int | None = 95
    temperature: int | None = 60
    clock: int | None = 1950
    clock_max: int | None = 1980
    reasons: int | None = 0
    power_mw: int | None = 300_000
    limit_mw: int | None = 700_000


class StandIn:
    """Answers what the sensor asks NVML, and knows its constants and its error by the real module."""

    def __init__(self, *devices: Device) -> None:
        self.devices = devices

    def __getattr__(self, name: str) -> Any:
        """Return a constant of the real module."""
        return getattr(pynvml, name)

    def nvmlInit(self) -> None:
        if not self.devices:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    def nvmlDeviceGetCount(self) -> int:
        return len(self.devices)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> Device:
        return self.devices[index]

    def nvmlDeviceGetUUID(self, device: Device) -> str:
        return device.uuid

    def nvmlDeviceGetName(self, device: Device) -> str:
        return device.name

    def nvmlDeviceGetUtilizationRates(self, device: Device) -> Any:
        return SimpleNamespace(gpu=offered(device.busy))

    def nvmlDeviceGetMemoryInfo(self, device: Device) -> Any:
        return SimpleNamespace(total=80 << 30, used=40 << 30)

    def nvmlDeviceGetTemperature(self, device: Device, _: int) -> int:
        return offered(device.temperature)

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, device: Device) -> int:
        return offered(device.reasons)

    def nvmlDeviceGetClockInfo(self, device: Device, _: int) -> int:
        return offered(device.clock)

    def nvmlDeviceGetMaxClockInfo(self, device: Device, _: int) -> int:
        return offered(device.clock_max)

    def nvmlDeviceGetPowerUsage(self, device: Device) -> int:
        return offered(device.power_mw)

    def nvmlDeviceGetEnforcedPowerLimit(self, device: Device) -> int:
        return offered(device.limit_mw)


def offered(reading: int | None) -> int:
    if reading is None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
    return reading
