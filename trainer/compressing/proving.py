"""An int8 copy is compiled, run and timed in a process of its own: within a time limit, and what fails there harms nobody.

python -P -m trainer.compressing.proving MODEL INPUTS OUTPUTS
"""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from trainer.compressing.latency import latencies
from trainer.compressing.quantise import QuantiseError, compiled
from trainer.export import load

LIMIT_S = 45.0
"""Importing torch, compiling the int8 graph (4 to 16 s on an idle core, 38 s once on a cold and busy one), and scoring."""

LOOK_EVERY_S = 0.2
"""Whether a signal came in: someone who stops a run waits no longer than this."""

FLOAT_WITHIN_S = 20
"""The compiled float model is timed beside it only where its compilation, which only a note needs, is done in this time."""


@dataclass(frozen=True)
class Proof:
    """What the int8 copy gave."""

    outputs: dict[str, Tensor]
    """By split, [N, …]."""
    float_s: float
    """Median seconds of a small batch by the float model as it is."""
    compiled_s: float | None
    """… by the same, compiled; nothing where that took too long."""
    int8_s: float
    """… and by the int8 copy."""


def prove(model: Path, inputs: Mapping[str, Tensor], stopping: Callable[[], bool]) -> Proof:
    """Compile a model file that holds ranges, and run it on the inputs of each split, until `stopping` says true.

    Raises:
        QuantiseError: when it cannot be compiled, or not within the limit.
    """
    with tempfile.TemporaryDirectory(prefix="training-advisor-") as place:
        given, answer = Path(place) / "inputs.safetensors", Path(place) / "outputs.safetensors"
        save_file({split: tensor.contiguous() for split, tensor in inputs.items()}, given)
        command = [sys.executable, "-P", "-m", "trainer.compressing.proving", str(model), str(given), str(answer)]
        why = _run(command, stopping)
        if not answer.is_file():
            raise QuantiseError(why)
        outputs = load_file(answer)
    times = outputs.pop(":seconds").tolist()
    return Proof(outputs, times[0], times[2] if len(times) > 2 else None, times[1])


def _run(command: list[str], stopping: Callable[[], bool]) -> str:
    """Run to the end or the limit; say why there may be no answer."""
    environment = os.environ | {"TORCHINDUCTOR_COMPILE_THREADS": "1", "OMP_NUM_THREADS": str(torch.get_num_threads())}
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said
        )
        try:
            for _ in range(round(LIMIT_S / LOOK_EVERY_S)):
                with suppress(subprocess.TimeoutExpired):
                    if process.wait(LOOK_EVERY_S) > 0:
                        said.seek(0)
                        return (said.read().strip().splitlines() or ["no word"])[-1]
                    break
                if stopping():
                    return "the run was stopped"
        finally:
            process.kill()
            process.communicate()
    return f"compiling it for int8 took over {LIMIT_S:.0f} s"


def main(model: Path, given: Path, answer: Path) -> int:
    """Compile, run and time; write outputs by split and the seconds; return the exit code."""
    signal.alarm(int(LIMIT_S))  # whoever asked may be gone
    loaded = load(model)
    if not loaded.in_int8:
        print(loaded.in_float_because, file=sys.stderr)
        return 1
    inputs = load_file(given)
    outputs = {split: loaded.model(tensor).float() for split, tensor in inputs.items()}
    float_model, batch, cpu = load(model, execute="float").model, next(iter(inputs.values())), torch.device("cpu")
    seconds = latencies([float_model, loaded.model], batch, cpu)
    _write(answer, outputs, seconds)
    signal.alarm(FLOAT_WITHIN_S)
    faster = compiled(float_model, tuple(batch.shape[1:]))
    _write(answer, outputs, latencies([float_model, loaded.model, faster], batch, cpu))
    return 0


def _write(answer: Path, outputs: dict[str, Tensor], seconds: tuple[float, ...]) -> None:
    partial = answer.with_suffix(".partial")
    save_file({**outputs, ":seconds": torch.tensor(seconds, dtype=torch.float64)}, partial)
    partial.replace(answer)


def _leave_with(asker: int) -> None:
    """End when whoever asked ends, however that may be: its end of the pipe closes then."""

    def wait() -> None:
        os.read(asker, 1)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    _leave_with(sys.stdin.fileno())
    sys.exit(main(*(Path(one) for one in sys.argv[1:4])))
