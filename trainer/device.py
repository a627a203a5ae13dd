"""The device that trains: which one, and what it offers.

`python -P -m trainer.device` prints it as one JSON object; `advisor doctor` reads that, so it need not load torch.
"""

import json
import os
import platform
from pathlib import Path

import torch

from trainer.words import DeviceInfo


class DeviceError(Exception):
    """The device that was asked for is not here; the text says what is."""


def pick_device(name: str) -> torch.device:
    """Return the device of a configuration: `auto` (an accelerator where there is one), `cpu`, `cuda`, `cuda:1`, `mps`.

    Raises:
        DeviceError: when torch does not know the name or this machine lacks the device.
    """
    if name == "auto":
        return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise DeviceError(f"train.device: {name!r} is no device: write auto, cpu, cuda, cuda:1 or mps") from None
    if device.type == "cpu":
        return device
    here = torch.accelerator.current_accelerator(check_available=True)
    if here is None or here.type != device.type:
        raise DeviceError(
            f"train.device: no {device.type} device found ({_why_none(device.type)}): "
            f"set train.device to 'auto' or '{here.type if here else 'cpu'}'"
        )
    if (device.index or 0) >= torch.accelerator.device_count():
        count = torch.accelerator.device_count()
        raise DeviceError(f"train.device: {name!r} is not there: this machine has {count}, counted from 0")
    return device


def describe_device(device: torch.device) -> DeviceInfo:
    """Say what a device is and which mixed precision types it computes natively, best first."""
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        name, memory_bytes = properties.name, properties.total_memory
    elif device.type == "mps":
        name, memory_bytes = f"Apple {platform.machine()}", torch.mps.recommended_max_memory()
    else:
        name, memory_bytes = cpu_name(), host_memory_bytes()
    return DeviceInfo(
        type=device.type,
        name=name,
        memory_bytes=memory_bytes,
        amp_dtypes=amp_dtypes(device),
        threads=torch.get_num_threads(),
        index=device.index or 0,
    )


def amp_dtypes(device: torch.device) -> tuple[str, ...]:
    """Return the mixed precision types that work on the device, best first. That they pay is for a trial to show.

    CUDA: bf16 where it is native (emulated it is slow), and fp16 with a scaler from compute capability 7.0, which has
    tensor cores for it. CPU: bf16, emulated or not, since only a measurement tells.
    """
    match device.type:
        case "cuda":
            with torch.cuda.device(device):
                native = torch.cuda.is_bf16_supported(including_emulation=False)
            half = torch.cuda.get_device_capability(device) >= (7, 0)
            return (("bf16",) if native else ()) + (("fp16",) if half else ())
        case "cpu":
            return ("bf16",)
        case "mps":
            return ("fp16",)
    return ()


def host_memory_bytes() -> int:
    """Return the memory of this machine, or what its control group grants."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        granted = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
    except OSError:
        return physical
    return min(physical, int(granted)) if granted.isdigit() else physical


def cpu_name() -> str:
    """Return the processor's name as its maker writes it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()


def doctor() -> dict[str, object]:
    """Return what torch sees on this machine, as JSON types."""
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    devices = [torch.device("cpu")]
    if accelerator is not None:
        devices += [torch.device(accelerator.type, i) for i in range(torch.accelerator.device_count())]
    return {
        "torch": torch.__version__,
        "cuda": f"CUDA {torch.version.cuda}" if torch.cuda.is_available() else f"no CUDA found ({_why_none('cuda')})",
        "devices": [describe_device(device).model_dump() for device in devices],
        "picked": pick_device("auto").type,
        "threads": torch.get_num_threads(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
    }


def _why_none(kind: str) -> str:
    if kind == "cuda":
        return "this torch has no CUDA in it" if torch.version.cuda is None else "no driver or no GPU"
    if kind == "mps":
        return "not an Apple machine" if platform.system() != "Darwin" else "this torch has no MPS in it"
    return "torch has no such backend here"


def synchronise(device: torch.device) -> None:
    """Wait until a device has done all that it was given."""
    if device.type != "cpu":
        torch.accelerator.synchronize()


if __name__ == "__main__":
    print(json.dumps(doctor()))
