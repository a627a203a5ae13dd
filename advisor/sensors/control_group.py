"""What a control group grants this process: memory and processor time, by version 1 or 2, and by its parents.

A container sees its own group as the root of the tree; on a plain machine the process lies in a slice of it, and each
parent may grant less. Files that are missing or unlimited grant everything.
"""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")
UNLIMITED_BYTES = 1 << 60
"""Version 1 writes a huge number where nothing is limited."""


@dataclass(frozen=True)
class Granted:
    """A limit of memory, and what of it is taken for good."""

    limit_bytes: int
    used_bytes: int
    """Without pages of files that the kernel gives back before it kills anyone."""


@dataclass(frozen=True)
class Quota:
    """Periods of the quota of processor time since the group was made."""

    periods: int
    used_up: int


def memory_granted() -> Granted | None:
    """Return the tightest limit of memory on the way to the root: the one with the least room; nothing without any."""
    names = ("memory.max", "memory.current", "inactive_file"), (
        "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
    )  # fmt: skip
    found = []
    for folders, (limit, usage, cold) in zip((_folders(""), _folders("memory")), names, strict=True):
        for folder in folders:
            limit_bytes, used_bytes = _number(folder / limit), _number(folder / usage)
            if limit_bytes is not None and used_bytes is not None and limit_bytes < UNLIMITED_BYTES:
                cold_bytes = _fields(folder / "memory.stat").get(cold, 0)
                found.append(Granted(limit_bytes, max(used_bytes - cold_bytes, 0)))
    return min(found, key=lambda one: one.limit_bytes - one.used_bytes, default=None)


def cores_granted() -> float | None:
    """Return how many cores' worth of time the groups grant; nothing without a quota."""
    found = []
    for folder in _folders(""):
        words = _text(folder / "cpu.max").split()
        if len(words) == 2 and words[0].isdigit():
            found.append(int(words[0]) / int(words[1]))
    for folder in _folders("cpu"):
        quota, period = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
        if quota and period and quota > 0:
            found.append(quota / period)
    return min(found, default=None)


def quota() -> Quota | None:
    """Return how often a quota of processor time was used up, of the group where that was most often; else nothing."""
    told = [_fields(folder / "cpu.stat") for folder in (*_folders(""), *_folders("cpu"))]
    found = [Quota(one["nr_periods"], one.get("nr_throttled", 0)) for one in told if one.get("nr_periods", 0) > 0]
    return max(found, key=lambda one: one.used_up, default=None)


def _folders(controller: str) -> list[Path]:
    """Return the group of this process and its parents; an empty name is version 2's only tree."""
    base = ROOT / controller
    for line in _text(OWN).splitlines():
        _, names, path = [*line.split(":", 2), "", ""][:3]
        if (controller in names.split(",")) if controller else not names:
            own = base / path.lstrip("/")
            return [folder for folder in (own, *own.parents) if folder == base or base in folder.parents]
    return [base]


def _number(file: Path) -> int | None:
    text = _text(file).strip()
    return int(text) if text.lstrip("-").isdigit() else None


def _fields(file: Path) -> dict[str, int]:
    pairs = (line.split() for line in _text(file).splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return ""
