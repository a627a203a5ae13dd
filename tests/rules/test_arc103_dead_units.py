"""ARC103 dead units: when it speaks, when it is silent, when it is not assessed."""

from dataclasses import replace
from math import nan
from typing import Any

import pytest

from rules.architecture.arc103_dead_units import dead_units
from rules.facts import ProbeFacts
from rules.vocabulary import Deed, Severity
from tests.rules.situations import assessed, knobs, layers, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(
            {"loss": {"now": 2.0, "fall_share": 0.0}, "layers": {"layers": layers(0.0, 0.1, dead=0.9)}},
            id="all but dead",
        ),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(dead_units, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("ARC103", "dead_units")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"layers": {"layers": layers(0.1, dead=0.9)}}, id="it learns"),
        pytest.param(
            {"loss": {"now": 2.0, "fall_share": 0.0}, "layers": {"layers": layers(0.1, dead=0.33)}}, id="a third"
        ),
        pytest.param(
            {"loss": {"now": 2.0, "fall_share": 0.0}, "layers": {"layers": layers(0.1, dead=nan)}},
            id="no such activation",
        ),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(dead_units, changes) is None


@pytest.mark.parametrize("group", ["run", "task", "loss", "layers", "knobs", "probes"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(dead_units, group) == (group,)


def test_a_rate_that_killed_them_is_left_behind() -> None:
    dead = {"loss": {"now": 2.0, "fall_share": 0.0}, "layers": {"layers": layers(0.0, dead=1.0)}, "run": {"step": 100}}
    swept = ProbeFacts(done=frozenset({"lr_sweep"}), lr_pick=0.01)
    suspected, blamed = assessed(dead_units, dead), assessed(dead_units, {**dead, "probes": swept})
    assert suspected is not None
    assert blamed is not None
    assert suspected.probes == ("lr_sweep",)
    assert (suspected.severity, blamed.severity) == (Severity.INFO, Severity.WARNING)
    assert blamed.fixes[0].name == "start over with lr 0.01"


@pytest.mark.parametrize(("step", "asks"), [(450, True), (600, False)])
def test_the_rate_is_suspected_as_long_as_a_new_start_pays(step: int, asks: bool) -> None:
    dead = {"loss": {"now": 2.0, "fall_share": 0.0}, "layers": {"layers": layers(0.0, dead=1.0)}, "run": {"step": step}}
    finding = assessed(dead_units, dead)
    assert finding is not None
    assert (finding.probes == ("lr_sweep",)) is asks


def test_units_that_were_dead_in_the_first_step_were_not_killed_by_the_rate() -> None:
    dead = {"loss": {"now": 2.3, "fall_share": 0.0}, "run": {"step": 100}}
    born = {"layers": layers(0.0, dead=1.0), "at_start": layers(0.0, dead=1.0)}
    finding = assessed(dead_units, {**dead, "layers": born})
    assert finding is not None
    assert finding.probes == ()
    assert [(fix.deed, {turn.knob for turn in fix.turns}) for fix in finding.fixes if fix.turns] == [
        (Deed.START_OVER, {"activation", "init"})
    ]


@pytest.mark.parametrize(
    ("changes", "init"),
    [
        pytest.param({}, "he", id="classes"),
        pytest.param(
            {"task": {"kind": "regression"}, "knobs": knobs(optimizer="adam")}, "torch", id="numbers under Adam"
        ),
    ],
)
def test_the_weights_are_drawn_as_any_net_of_this_kind_would_be(changes: dict[str, Any], init: str) -> None:
    dead = {"loss": {"now": 2.3, "fall_share": 0.0}, "run": {"step": 100}}
    born = {"layers": layers(0.0, dead=1.0), "at_start": layers(0.0, dead=1.0)}
    finding = assessed(dead_units, {**dead, "layers": born, **changes})
    assert finding is not None
    assert [turn.to for fix in finding.fixes for turn in fix.turns if turn.knob == "init"] == [init]


@pytest.mark.parametrize("turnable", [True, False])
def test_what_can_be_tried_is_not_advised_besides(turnable: bool) -> None:
    dead = {"loss": {"now": 2.0, "fall_share": 0.0}, "layers": {"layers": layers(0.0, dead=0.9)}, "run": {"step": 800}}
    finding = assessed(dead_units, dead if turnable else {**dead, "knobs": knobs(turnable=frozenset())})
    assert finding is not None
    assert [bool(fix.turns) for fix in finding.fixes] == [turnable]


@pytest.mark.parametrize(
    ("dead", "blamed"),
    [
        pytest.param((0.6, 0.1), False, id="one layer with living units"),
        pytest.param((0.95, 0.1), True, id="one that lets nothing through"),
        pytest.param((0.6, 0.6), True, id="several: each halves what is left"),
    ],
)
def test_a_layer_is_not_blamed_for_inputs_that_are_lost_before_it(dead: tuple[float, ...], blamed: bool) -> None:
    both = tuple(replace(layer, dead_share=share) for layer, share in zip(layers(0.1, 0.1), dead, strict=True))
    probes = ProbeFacts(done=frozenset({"zeroed_input"}), zeroed_output_share=0.019)
    facts = {"loss": {"now": 2.0, "fall_share": 0.0}, "layers": {"layers": both}, "probes": probes}
    assert (assessed(dead_units, facts) is not None) is blamed
