"""ARC105 symmetric units: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.architecture.arc105_symmetric_units import symmetric_units
from rules.facts import LayerFact
from rules.vocabulary import Deed
from tests.rules.situations import assessed, missing_without


def twins(*shares: float) -> tuple[LayerFact, ...]:
    """Return layers with these shares of units that are the same as another one."""
    return tuple(
        LayerFact(f"layer{place}", "Linear", 0.1, 1.0, 1e-3, twin_share=share) for place, share in enumerate(shares)
    )


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"layers": {"first_rows_identical": True}}, id="identical rows"),
        pytest.param({"layers": {"layers": twins(0.0, 1.0), "at_start": twins(0.0, 1.0)}}, id="a hidden layer"),
        pytest.param({"layers": {"layers": twins(0.6), "at_start": twins(0.6)}}, id="more than half of them"),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(symmetric_units, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("ARC105", "symmetric_units")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param(
            {"layers": {"first_rows_identical": True, "layers": (LayerFact("a", "Linear", 0.1, 1e-5, 0.1),)}},
            id="decayed to nothing",
        ),
        pytest.param({"layers": {"layers": twins(1.0), "at_start": twins(0.0)}}, id="became alike later"),
        pytest.param({"layers": {"layers": twins(0.0), "at_start": twins(1.0)}}, id="grew apart"),
        pytest.param({"layers": {"layers": twins(1.0), "at_start": twins(1.0), "checks": 1}}, id="one check"),
        pytest.param({"layers": {"layers": twins(0.1), "at_start": twins(0.1)}}, id="some by chance"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(symmetric_units, changes) is None


@pytest.mark.parametrize("group", ["run", "task", "loss", "layers", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(symmetric_units, group) == (group,)


def test_a_young_run_begins_anew_with_weights_drawn_at_random() -> None:
    same = {"layers": {"layers": twins(1.0), "at_start": twins(1.0)}, "run": {"step": 30}}
    finding = assessed(symmetric_units, same)
    assert finding is not None
    assert (finding.fixes[1].deed, finding.fixes[1].turns[0].to) == (Deed.START_OVER, "he")
