"""ARC113 inputs unused: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.architecture.arc113_inputs_unused import inputs_unused
from rules.facts import StreamFacts
from tests.rules.situations import assessed, layers, look, missing_without

BLIND = tuple(look(step, alike=True) for step in (1, 6, 11))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"stream": StreamFacts(first=BLIND, later=())}, id="alike from the start"),
        pytest.param({"stream": {"later": BLIND}}, id="alike lately"),
        pytest.param({"probes": {"zeroed_output_share": 0.0}}, id="the same outputs without inputs"),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(inputs_unused, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("ARC113", "inputs_unused")
    assert finding.beyond_knobs


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"stream": StreamFacts(first=BLIND[:2], later=())}, id="two looks"),
        pytest.param({"stream": {"later": (*BLIND[:2], look(20))}}, id="not all of them"),
        pytest.param({"probes": {"zeroed_output_share": 1e-3}}, id="little is let through"),
        pytest.param(
            {"probes": {"zeroed_output_share": 0.0}, "layers": {"layers": layers(0.1, dead=0.9)}}, id="a dead layer"
        ),
        pytest.param(
            {"probes": {"zeroed_output_share": 0.0}, "layers": {"first_rows_identical": True}}, id="weights alike"
        ),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(inputs_unused, changes) is None


@pytest.mark.parametrize("group", ["stream", "layers", "probes"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(inputs_unused, group) == (group,)
