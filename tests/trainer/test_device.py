"""Devices: picked by name, refused in one line, described for the doctor."""

import json
import os
import subprocess
import sys

import pytest
import torch

from trainer.device import DeviceError, describe_device, doctor, pick_device


def test_auto_takes_what_is_there() -> None:
    here = torch.accelerator.current_accelerator(check_available=True)
    assert pick_device("auto").type == (here.type if here else "cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_cuda_that_is_absent_is_one_clear_line() -> None:
    with pytest.raises(DeviceError, match=r"no cuda device found .* set train.device to 'auto' or 'cpu'"):
        pick_device("cuda")


def test_a_name_that_is_no_device_is_one_clear_line() -> None:
    with pytest.raises(DeviceError, match="'gpu' is no device: write auto, cpu, cuda"):
        pick_device("gpu")


def test_the_processor_is_described_with_its_memory_and_threads() -> None:
    info = describe_device(torch.device("cpu"))
    assert info.type == "cpu"
    assert info.memory_bytes > 1 << 28
    assert info.threads == torch.get_num_threads()
    assert info.amp_dtypes == ("bf16",)


def test_the_doctor_prints_one_json_object() -> None:
    run = subprocess.run(
        [sys.executable, "-P", "-m", "trainer.device"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    printed = json.loads(run.stdout)
    assert printed.keys() == doctor().keys()
    assert printed["torch"] == torch.__version__
    assert torch.cuda.is_available() or "no CUDA found" in printed["cuda"]
