"""What the sensors saw at one moment: a line of samples.jsonl."""

from pydantic import BaseModel, ConfigDict, ValidationError


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="strings")


class HostSample(_Part):
    """The machine, by psutil and /proc."""

    cores: int
    """That this process may use (affinity, cgroup)."""
    busy_share: float
    """Of all cores, since the last sample."""
    idle_cores: float
    memory_bytes: int
    memory_free_bytes: int
    shm_free_bytes: int = 0
    trainer_bytes: int = 0
    """Resident size of the trainer and its workers."""
    trainer_cores: float = -1.0
    """Cores that the trainer and its workers kept busy since the last sample; -1 where nobody knows."""
    io_stall_share: float = -1.0
    """Pressure-stall «io full» over 10 s; -1 where the kernel does not tell."""
    workers_bytes: int = 0
    """Of that, what the workers hold besides mapped files; 0 without workers."""
    hot_share: float = -1.0
    """Of the last half minute: seconds in which a processor core slowed down for heat; -1 where the kernel does not tell."""
    quota_stall_share: float = -1.0
    """Of the last periods of the container's quota of processor time: those in which it was used up; -1 without a quota."""


class DeviceSample(_Part):
    """One NVIDIA device, by NVML."""

    index: int
    name: str
    busy_share: float
    memory_bytes: int
    memory_used_bytes: int
    power_w: float
    power_limit_w: float
    temperature_c: float
    clock_mhz: int
    clock_max_mhz: int
    throttled: bool
    """For heat, a failing power supply, or another reason that something can be done about."""
    reasons: tuple[str, ...] | None = None
    """Why its clock is held back: `heat`, `power_brake`, `hardware`, `power_cap`; nothing where it does not tell."""


class NeighbourSample(_Part):
    """One NVIDIA device that the trainer sees and does not train on, by NVML."""

    index: int
    busy_share: float
    memory_bytes: int
    memory_used_bytes: int


class StallSample(_Part):
    """The trainer, when nothing has been heard of it for far too long."""

    silent_s: float
    """Since its last word."""
    usual_s: float
    """Of a step."""
    where: str = ""
    """The innermost line of the user's own code that it stands in, or else of the trainer's; empty where nobody can tell."""
    doing: str = ""
    """What it was about, in a few words: waits for its next batch."""
    stack: tuple[str, ...] = ()
    """Python frames of its main thread, innermost first."""


class Sample(_Part):
    """All sensors at one moment; a sensor that is absent left its part out."""

    t: float
    host: HostSample | None = None
    devices: tuple[DeviceSample, ...] = ()
    neighbours: tuple[NeighbourSample, ...] = ()
    """Now and then: every one of them, or none."""
    stall: StallSample | None = None


def read_sample(line: str | bytes) -> Sample | None:
    """Return the sample of a line, or nothing for a form that this version does not know."""
    try:
        return Sample.model_validate_json(line)
    except ValidationError:
        return None
