"""What this machine offers: devices, mixed precision, cores, memory, extras, and how to get what is missing."""

import importlib.util
import json
import shutil
import subprocess
import sys
from typing import Any

from advisor.mistakes import Mistake
from advisor.sensors.host import describe_machine
from advisor.sensors.nvidia import open_nvidia

EXTRAS = {
    "vision": ("torchvision", "models by name (torchvision:NAME)"),
    "compress": (
        "torchao",
        "finished models that compute in int8 (with a C++ compiler; their files have 8 bits without)",
    ),
    "web": ("textual_serve", "the screens in a browser (advisor web)"),
}
"""Extra → the module that shows whether it is installed, and what it is for."""

TORCH_PATIENCE_S = 120.0
"""Importing torch takes 2-3 s; from a cold network disk it may take a minute."""

SMALL_SHARED_MEMORY = 1 << 30
"""Loader workers hand batches over in /dev/shm; a container's default of 64 MiB kills them."""


def examine() -> dict[str, Any]:
    """Return what is here. Torch is asked in a process of its own.

    Raises:
        Mistake: when torch cannot be loaded.
    """
    asked = subprocess.run(
        [sys.executable, "-P", "-m", "trainer.device"],
        capture_output=True,
        text=True,
        timeout=TORCH_PATIENCE_S,
        check=False,
    )
    if asked.returncode != 0:
        last = (asked.stderr.strip().splitlines() or ["no word"])[-1]
        raise Mistake(f"torch cannot be used here: {last}: reinstall training-advisor")
    nvidia = open_nvidia()
    return {
        "machine": describe_machine(),
        "torch": json.loads(asked.stdout.strip().splitlines()[-1]),
        "nvidia": list(nvidia.names) if nvidia is not None else [],
        "extras": {name: importlib.util.find_spec(module) is not None for name, (module, _) in EXTRAS.items()},
        "compiler": shutil.which("g++") or shutil.which("clang++") or "",
    }


def show(found: dict[str, Any]) -> None:
    """Print it, a line a subject, with what to do where something is missing."""
    machine, torch = found["machine"], found["torch"]
    lines = [
        ("system", f"{machine['system']}, {machine['machine']}, Python {machine['python']}"),
        ("processor", f"{machine['processor']}, {machine['cores']} cores may be used{_quota(machine)}"),
        ("memory", f"{machine['memory_bytes'] / 2**30:.1f} GiB"),
        ("/dev/shm", _shared(machine["shm_bytes"])),
        ("nvidia", ", ".join(found["nvidia"]) or "no NVIDIA driver found"),
    ]
    lines += [
        (key if key == "torch" else f"torch {key}", _plain(one)) for key, one in torch.items() if key != "devices"
    ]
    lines += [(f"device {one.get('type', '')}", _device(one)) for one in torch.get("devices", ())]
    for name, (_, purpose) in EXTRAS.items():
        there = "installed" if found["extras"][name] else f"missing: pip install 'training-advisor[{name}]'"
        lines.append((f"extra {name}", f"{there}: {purpose}" if found["extras"][name] else f"{there} for {purpose}"))
    lines.append(("compiler", found["compiler"] or "no C++ compiler: torch.compile on the CPU needs one (g++)"))
    width = max(len(subject) for subject, _ in lines)
    for subject, text in lines:
        print(f"{subject:<{width}}  {text}")


def _quota(machine: dict[str, Any]) -> str:
    quota = machine["core_quota"]
    return f" (a container grants {quota:g})" if quota < machine["cores"] else ""


def _shared(held: int) -> str:
    if not held:
        return "not there"
    text = f"{held / 2**30:.2f} GiB"
    return text if held >= SMALL_SHARED_MEMORY else f"{text}: small for loader workers: docker run --shm-size=1g"


def _device(told: dict[str, Any]) -> str:
    amp = ", ".join(told.get("amp_dtypes", ())) or "none"
    return f"{told.get('name', '')}, {told.get('memory_bytes', 0) / 2**30:.1f} GiB, mixed precision {amp}"


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(one)}" for key, one in value.items())
    if isinstance(value, list):
        return "; ".join(_plain(one) for one in value) or "none"
    return str(value)
