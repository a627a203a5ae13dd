"""All sensors at one moment, once a second."""

from typing import Any

from advisor.sensors.host import HostSensor, describe_machine
from advisor.sensors.nvidia import open_nvidia
from advisor.sensors.sample import Sample

SAMPLE_EVERY_S = 1.0
"""Utilisation at 1 Hz; what moves more slowly is read less often by its own sensor."""


class Sampler:
    """Takes a sample when one is due."""

    def __init__(self) -> None:
        self._host = HostSensor()
        self._nvidia = open_nvidia()
        self._due = 0.0

    def hardware(self) -> dict[str, Any]:
        """Return what this machine is."""
        return {**describe_machine(), "devices": list(self._nvidia.names) if self._nvidia else []}

    def watch(self, pid: int, device: int | None = None) -> None:
        """Name the trainer, and the device that it trains on where it is an NVIDIA one."""
        self._host.watch(pid)
        if self._nvidia is not None and device is not None:
            self._nvidia.watch(device)

    def take(self, now: float, t: float) -> Sample | None:
        """Return a sample, or nothing before the next one is due.

        Args:
            now: Seconds of a clock that only rises.
            t: Unix time in seconds, for the sample.
        """
        if now < self._due:
            return None
        self._due = now + SAMPLE_EVERY_S
        return Sample(
            t=t,
            host=self._host.read(now),
            devices=self._nvidia.read(now) if self._nvidia else (),
            neighbours=self._nvidia.read_neighbours(now) if self._nvidia else (),
        )
