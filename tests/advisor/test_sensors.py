"""The sensors on the machine that runs the tests, and what they make of containers and of CUDA_VISIBLE_DEVICES."""

import math
import os
from pathlib import Path

import psutil
import pytest

from advisor.sensors import host
from advisor.sensors.host import HostSensor, describe_machine
from advisor.sensors.nvidia import NEIGHBOURS_EVERY_S, NvidiaSensor, open_nvidia, visible
from advisor.sensors.sample import DeviceSample, Sample, read_sample
from advisor.sensors.sampler import SAMPLE_EVERY_S, Sampler


def test_the_host_is_read_within_its_bounds() -> None:
    sensor = HostSensor()
    sensor.watch(os.getpid())
    sample = sensor.read(0.0)
    assert 1 <= sample.cores <= (os.cpu_count() or 1)
    assert 0 <= sample.busy_share <= 1
    assert 0 <= sample.idle_cores <= sample.cores
    assert 0 < sample.memory_free_bytes < sample.memory_bytes
    assert sample.trainer_bytes >= 0.5 * psutil.Process().memory_info().rss


def test_memory_is_read_every_two_seconds_only() -> None:
    sensor = HostSensor()
    first = sensor.read(0.0)
    ballast = bytearray(64 << 20)
    kept = sensor.read(1.0)
    assert kept.memory_free_bytes == first.memory_free_bytes
    assert len(ballast) == 64 << 20


def test_a_trainer_that_is_gone_weighs_nothing() -> None:
    sensor = HostSensor()
    sensor.watch(2**22 + 1)
    assert sensor.read(0.0).trainer_bytes == 0


def test_the_kernels_word_on_waiting_for_disks_is_a_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "io").write_text(
        "some avg10=40.00 avg60=0 avg300=0 total=1\nfull avg10=12.50 avg60=0 avg300=0 total=1\n"
    )
    monkeypatch.setattr(host, "PRESSURE", tmp_path / "io")
    assert HostSensor().read(0.0).io_stall_share == 0.125
    monkeypatch.setattr(host, "PRESSURE", tmp_path / "none")
    assert HostSensor().read(0.0).io_stall_share == -1


def test_the_machine_is_described_by_names_and_numbers() -> None:
    told = describe_machine()
    assert told["cores"] >= 1
    assert told["memory_bytes"] > 0
    assert told["python"].startswith("3.")


@pytest.mark.parametrize(
    ("wanted", "seen"),
    [
        pytest.param(None, [0, 1, 2], id="all"),
        pytest.param("", [], id="none"),
        pytest.param("2,0", [2, 0], id="torch numbers them in this order"),
        pytest.param("GPU-b", [1], id="the beginning of a UUID"),
        pytest.param("GPU", [], id="a beginning of several"),
        pytest.param("1,7,0", [1], id="CUDA stops at a device that is not there"),
        pytest.param("1,1", [1], id="no device twice"),
        pytest.param("-1", [], id="the customary no device"),
        pytest.param("MIG-9d5a1c", [], id="a slice of a device: NVML's figures are of the whole"),
    ],
)
def test_devices_are_those_that_cuda_shows(wanted: str | None, seen: list[int]) -> None:
    assert visible(wanted, ["GPU-a1", "GPU-b2", "GPU-c3"]) == seen


def test_no_nvidia_device_is_no_error() -> None:
    sensor = open_nvidia({})
    if sensor is None:
        return
    assert all(0 <= one.busy_share <= 1 or math.isnan(one.busy_share) for one in sensor.read(0.0))


def test_devices_beside_the_one_that_trains_are_looked_at_every_few_seconds() -> None:
    sensor = NvidiaSensor([(0, None), (1, None), (2, None)])  # NVML answers nothing of them here
    assert sensor.read_neighbours(0.0) == ()
    sensor.watch(1)
    assert [one.index for one in sensor.read_neighbours(100.0)] == [0, 2]
    assert sensor.read_neighbours(100.0 + 0.9 * NEIGHBOURS_EVERY_S) == ()
    sensor.watch(2)
    assert [one.index for one in sensor.read_neighbours(200.0)] == [0, 1]
    assert math.isnan(sensor.read_neighbours(300.0)[0].busy_share)


def test_a_sample_is_taken_once_a_second() -> None:
    sampler = Sampler()
    first = sampler.take(100.0, 5.0)
    assert first is not None
    assert first.t == 5.0
    assert sampler.take(100.0 + 0.9 * SAMPLE_EVERY_S, 6.0) is None
    assert sampler.take(100.0 + SAMPLE_EVERY_S, 6.0) is not None


def test_a_reading_that_a_device_lacks_survives_the_file() -> None:
    device = DeviceSample(
        index=0, name="x", busy_share=math.nan, memory_bytes=1, memory_used_bytes=0, power_w=math.nan,
        power_limit_w=1.0, temperature_c=30.0, clock_mhz=0, clock_max_mhz=0, throttled=False,
    )  # fmt: skip
    told = read_sample(Sample(t=1.0, devices=(device,)).model_dump_json())
    assert told is not None
    assert math.isnan(told.devices[0].busy_share)
