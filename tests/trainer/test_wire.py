"""Words survive the wire: NaN too, and unknown fields do no harm to readers."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.commands import Turn
from trainer.knobs import SPECS, KnobError, catalogue
from trainer.wire import GuardActed, KnobsTurned, WireError, read_command, read_event, write
from trainer.words import Turned

KNOB_VALUES = (
    st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9)
)


@given(value=st.floats())
def test_every_float_survives(value: float) -> None:
    event = read_event(write(GuardActed(why="loss_outlier", deed="saw", value=value)))
    assert isinstance(event, GuardActed)
    assert event.value == value or (math.isnan(event.value) and math.isnan(value))


@given(value=KNOB_VALUES)
def test_a_knobs_value_keeps_its_type(value: bool | int | float | str) -> None:
    command = read_command(write(Turn(turns=(Turned(knob="lr", to=value),))))
    assert isinstance(command, Turn)
    got = command.turns[0].to
    assert type(got) is type(value) or got == value
    assert isinstance(got, bool) == isinstance(value, bool)


def test_a_reader_skips_fields_and_kinds_that_it_does_not_know() -> None:
    assert isinstance(read_event('{"kind":"knobs_turned","changes":[],"probation":true,"mood":"good"}'), KnobsTurned)
    assert read_event('{"kind":"sang_a_song"}') is None


def test_an_obeyer_forbids_fields_that_it_does_not_know() -> None:
    with pytest.raises(WireError):
        read_command('{"kind":"stop","mood":"bad"}')


@given(name=st.sampled_from(sorted(SPECS)), value=KNOB_VALUES)
def test_a_knob_takes_a_value_of_its_own_kind_within_its_bounds_or_says_why_not(
    name: str, value: bool | int | float | str
) -> None:
    from trainer.config import Config
    from trainer.training import first_values

    config = Config.model_validate({"data": {"source": "sklearn:digits"}})
    knob = next(knob for knob in catalogue(first_values(config, 2), {}) if knob.name == name)
    refused = None
    try:
        assert type(knob.check(value)) is type(knob.value)
    except KnobError as why:
        refused = str(why)
    assert refused is None or (name in refused and "\n" not in refused)
