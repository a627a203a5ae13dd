"""From NVML's readings to a verdict about heat and power, with a stand-in for NVML itself; and to none where it is silent."""

from typing import Any

import pynvml
import pytest

from advisor.gathering.gather import gather
from advisor.sensors import nvidia
from advisor.sensors.sample import Sample, read_sample
from advisor.sensors.sampler import Sampler
from advisor.signals.signals import Signals
from rules.catalogue import all_rules
from tests.advisor.literal import beats, started, told
from tests.advisor.stand_in_nvml import Device, StandIn

SECONDS = 31
HEAT = pynvml.nvmlClocksThrottleReasonSwThermalSlowdown
BRAKE = pynvml.nvmlClocksThrottleReasonHwPowerBrakeSlowdown | pynvml.nvmlClocksThrottleReasonHwSlowdown
CAP = pynvml.nvmlClocksThrottleReasonSwPowerCap
IDLE = pynvml.nvmlClocksThrottleReasonGpuIdle
COOLING = [rule for rule in all_rules() if rule.code in ("DEV106", "DEV107")]


def watched(monkeypatch: pytest.MonkeyPatch, *devices: Device, on: str = "cuda", trains_on: int = 0) -> Signals:
    """Return what half a minute of looking at these devices leaves."""
    monkeypatch.setattr(nvidia, "pynvml", StandIn(*devices))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    begun = started(device=on)
    begun = begun.model_copy(update={"device": begun.device.model_copy(update={"index": trains_on})})
    signals, sampler = told(begun, *beats(200)), Sampler()
    sampler.watch(0, trains_on if on == "cuda" else None)
    for second in range(SECONDS):
        sample = sampler.take(float(second), float(second))
        assert sample is not None
        read = read_sample(sample.model_dump_json())
        assert isinstance(read, Sample)
        signals.sense(read)
    return signals


def verdicts(signals: Signals) -> dict[str, str]:
    facts = gather(signals)
    found = {rule.code: rule(**{name: facts.groups[name] for name in rule.needs}) for rule in COOLING
             if not facts.missing(rule.needs)}  # fmt: skip
    return {code: one.message for code, one in found.items() if one is not None}


@pytest.mark.parametrize(
    ("readings", "code", "said"),
    [
        pytest.param({"reasons": HEAT, "clock": 1200, "temperature": 91}, "DEV106", "slows down for heat; its clock is at 61%", id="heat"),
        pytest.param({"reasons": None, "clock": 1200, "temperature": 91}, "DEV106", "91 °C", id="heat, and no reasons"),
        pytest.param({"reasons": BRAKE}, "DEV106", "too little power", id="power brake"),
        pytest.param({"reasons": CAP, "clock": 1200}, "DEV107", "power cap of 700 W", id="power cap"),
    ],
)  # fmt: skip
def test_what_holds_a_device_back_is_told(
    readings: dict[str, Any], code: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = verdicts(watched(monkeypatch, Device(**readings)))
    assert list(found) == [code]
    assert said in found[code]


@pytest.mark.parametrize(
    "readings",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"reasons": IDLE, "clock": 200, "busy": 0}, id="an idle device clocks down"),
        pytest.param({"reasons": CAP, "clock": 1800}, id="at its cap and fast"),
        pytest.param({"temperature": 91}, id="hot at full clock"),
        pytest.param({"temperature": 70, "clock": 1000}, id="a clock that somebody has set"),
    ],
)
def test_a_healthy_device_is_left_alone(readings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    signals = watched(monkeypatch, Device(**readings))
    assert "cooling" in gather(signals).groups
    assert verdicts(signals) == {}


def test_a_verdict_is_gone_half_a_minute_after_the_heat(monkeypatch: pytest.MonkeyPatch) -> None:
    device = Device(reasons=HEAT, clock=1200, temperature=91)
    signals = watched(monkeypatch, device)
    assert "DEV106" in verdicts(signals)
    sampler = Sampler()
    device.reasons, device.clock, device.temperature = 0, 1950, 60
    for second in range(SECONDS, 2 * SECONDS + 2):
        sample = sampler.take(float(second), float(second))
        assert sample is not None
        signals.sense(sample)
    assert verdicts(signals) == {}


@pytest.mark.parametrize(
    ("devices", "options"),
    [
        pytest.param((), {}, id="no NVML"),
        pytest.param((Device(busy=None, temperature=None, clock=None, reasons=None),), {}, id="a slice that offers nothing"),
        pytest.param((Device(reasons=HEAT, clock=1200, temperature=91),), {"on": "cpu"}, id="a device that does not train"),
    ],
)  # fmt: skip
def test_where_nothing_is_told_the_rules_are_not_assessed(
    devices: tuple[Device, ...], options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "cooling" not in gather(watched(monkeypatch, *devices, **options)).groups


def test_of_several_devices_the_one_that_trains_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    hot, cool = Device(uuid="GPU-1", reasons=HEAT, clock=1200, temperature=91), Device(uuid="GPU-2")
    assert list(verdicts(watched(monkeypatch, hot, cool, trains_on=0))) == ["DEV106"]
    assert verdicts(watched(monkeypatch, hot, cool, trains_on=1)) == {}


def test_the_device_in_a_mig_slice_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvidia, "pynvml", StandIn(Device(reasons=HEAT)))
    assert nvidia.open_nvidia({"CUDA_VISIBLE_DEVICES": "MIG-7a3"}) is None
