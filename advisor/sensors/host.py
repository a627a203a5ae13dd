"""The host sensor: cores, memory and the trainer's share of them, by psutil and /proc. No thresholds, no opinions."""

import os
import platform
import shutil
import sys
from pathlib import Path
from typing import Any

import psutil

from advisor.sensors import control_group
from advisor.sensors.sample import HostSample
from advisor.sensors.slowed import HeldBack

MEMORY_EVERY_S = 2.0
"""Memory moves slowly, and 55 µs are 55 µs (monitoring.md)."""
WORKERS_EVERY_S = 10.0
"""Finding the trainer's workers scans all processes, 1.4-5.4 ms: never oftener."""

PRESSURE = Path("/proc/pressure/io")
SHARED_MEMORY = Path("/dev/shm")


class HostSensor:
    """Reads the machine; slow-moving numbers are kept between two readings."""

    def __init__(self) -> None:
        self._cores = sorted(usable_cores())
        self._quota = core_quota(len(self._cores))
        self._trainer: psutil.Process | None = None
        self._family: list[psutil.Process] = []
        self._family_at = -WORKERS_EVERY_S
        self._memory_at = -MEMORY_EVERY_S
        self._memory = (0, 0, 0, 0, 0)
        self._spent: tuple[float, dict[int, float]] = (0.0, {})
        self._held_back = HeldBack()
        psutil.cpu_percent(percpu=True)

    def watch(self, pid: int) -> None:
        """Name the trainer whose memory is to be read; 0 = none."""
        try:
            self._trainer = psutil.Process(pid) if pid else None
        except psutil.Error:
            self._trainer = None
        self._family, self._family_at = [], -WORKERS_EVERY_S
        self._spent = (0.0, {})

    def read(self, now: float) -> HostSample:
        """Return the machine as it is since the last reading; `now` in seconds of any clock that only rises."""
        busy = self._busy()
        trainer_cores = self._trainer_cores(now)
        idle = max(0.0, min(self._quota, sum(1.0 - share for share in busy)))
        if now - self._memory_at >= MEMORY_EVERY_S:
            self._memory_at = now
            self._memory = (*host_memory(), _shared_memory_free(), *self._trainer_bytes())
            self._held_back.look(now)
        total, free, shared, trainer, workers = self._memory
        return HostSample(
            cores=max(1, round(self._quota)),
            busy_share=sum(busy) / len(busy),
            idle_cores=idle,
            memory_bytes=total,
            memory_free_bytes=free,
            shm_free_bytes=shared,
            trainer_bytes=trainer,
            trainer_cores=trainer_cores,
            io_stall_share=_io_stall_share(),
            workers_bytes=workers,
            hot_share=self._held_back.hot_share,
            quota_stall_share=self._held_back.quota_stall_share,
        )

    def _busy(self) -> list[float]:
        every = psutil.cpu_percent(percpu=True)
        mine = [every[core] for core in self._cores if core < len(every)] or every
        return [share / 100 for share in mine]

    def _trainer_bytes(self) -> tuple[int, int]:
        """Return what the trainer and its workers hold, and of that what is private to the workers."""
        read = [_resident_bytes(process) for process in self._family]
        return sum(resident for resident, _ in read), sum(private for _, private in read[1:])

    def _trainer_cores(self, now: float) -> float:
        """Return the cores that the trainer and its workers kept busy since the last reading; -1 after workers came or went."""
        self._find_family(now)
        spent = {process.pid: seconds for process in self._family if (seconds := _spent_s(process)) is not None}
        before_at, before = self._spent
        self._spent = (now, spent)
        if len(spent) < len(self._family):  # a loader was built anew: its workers are others
            self._family_at = now - WORKERS_EVERY_S
        if not spent or spent.keys() != before.keys() or now <= before_at:
            return -1.0
        return max(sum(spent.values()) - sum(before.values()), 0.0) / (now - before_at)

    def _find_family(self, now: float) -> None:
        if self._trainer is None or now - self._family_at < WORKERS_EVERY_S:
            return
        self._family_at = now
        try:
            self._family = [self._trainer, *self._trainer.children(recursive=True)]
        except psutil.Error:
            self._family = []


def usable_cores() -> set[int]:
    """Return the cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def core_quota(cores: int) -> float:
    """Return how many cores' worth of time a container grants, at most `cores`."""
    granted = control_group.cores_granted()
    return float(cores) if granted is None else min(float(cores), granted)


def host_memory() -> tuple[int, int]:
    """Return the bytes of memory that this process could ever have, and those that are free now."""
    memory, granted = psutil.virtual_memory(), control_group.memory_granted()
    if granted is None:
        return memory.total, memory.available
    free = max(0, min(memory.available, granted.limit_bytes - granted.used_bytes))
    return min(memory.total, granted.limit_bytes), free


def describe_machine() -> dict[str, Any]:
    """Return what this machine is, for the report and the first line: names and numbers, nothing that moves."""
    cores = usable_cores()
    total, _ = host_memory()
    return {
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "processor": _processor_name(),
        "cores": len(cores),
        "core_quota": core_quota(len(cores)),
        "memory_bytes": total,
        "shm_bytes": shutil.disk_usage(SHARED_MEMORY).total if SHARED_MEMORY.is_dir() else 0,
        "python": sys.version.split()[0],
    }


def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor())


def _resident_bytes(process: psutil.Process) -> tuple[int, int]:
    """Return the resident memory of a process, and of that what has no file behind it (where the system tells)."""
    try:
        told = process.memory_info()
    except psutil.Error:
        return 0, 0
    return int(told.rss), int(told.rss - getattr(told, "shared", 0))


def _spent_s(process: psutil.Process) -> float | None:
    """Return the seconds on cores of a process; nothing of one that has ended."""
    try:
        times = process.cpu_times()
    except psutil.Error:
        return None
    return float(times.user + times.system)


def _shared_memory_free() -> int:
    return shutil.disk_usage(SHARED_MEMORY).free if SHARED_MEMORY.is_dir() else 0


def _io_stall_share() -> float:
    """Return the share of the last 10 s in which all tasks waited for a disk; -1 where the kernel does not tell."""
    try:
        lines = PRESSURE.read_text(encoding="ascii").splitlines()
    except OSError:
        return -1.0
    full = next((line for line in lines if line.startswith("full")), "")
    numbers = dict(word.split("=") for word in full.split()[1:])
    return float(numbers["avg10"]) / 100 if "avg10" in numbers else -1.0
