"""What is made of results: which were right, which false, what is read again, and the random fix."""

import random
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from advisor import ledger
from rules.vocabulary import Severity
from tests.advisor.literal import finding
from tests.faults.case import Case
from tests.faults.cases import find
from tests.faults.harness import arm_of
from tests.faults.matrix import HOLD_OUT_TITLE, SECOND_TITLE, judged
from tests.faults.measure import Seen, share
from tests.faults.random_fix import DRAWS, change
from tests.faults.result import Alarm, Arm, Deed, Result, digest_of, read_results
from trainer.commands import Confirm, Rollback, Turn
from trainer.knobs import Knob, catalogue
from trainer.setup import build
from trainer.training import first_values
from trainer.wire import RunEnded

SOFTMAX, HEALTHY = find("softmax_twice"), find("ok_sgd")


def alarm(code: str, severity: str = "warning", role: str = "cause", step: int = 50, by: str = "") -> Alarm:
    return Alarm.model_validate(
        {"code": code, "severity": severity, "role": role, "step": step, "explained_by": by, "message": "it is so"}
    )


def arm(score: float = 0.9, *alarms: Alarm, **rest: Any) -> Arm:
    causes = tuple(one.code for one in alarms if one.role == "cause")
    values = {"validation": score, "seconds": 2.0, "steps_total": 1000, "ended": "finished"} | rest
    return Arm.model_validate({"score": score, "alarms": alarms, "causes": causes, **values})


def result(case: Case, **arms: Arm) -> Seen:
    kept = {"case": case.name, "seed": 0, "digest": digest_of(case), "arms": arms}
    return Seen(case, Result.model_validate(kept))


def test_the_cause_is_named_when_it_was_called_the_cause_first() -> None:
    right, wrong = alarm("ARC106", step=80), alarm("OPT101", step=40)
    assert result(SOFTMAX, untouched=arm(), auto=arm(0.9, right, wrong)).named
    late = result(SOFTMAX, untouched=arm(0.9, right), auto=arm(0.9, wrong, right))
    assert not late.named
    assert late.named_later
    assert late.first_share == 0.08


def test_an_opportunity_that_was_acted_upon_counts_as_named_where_nothing_was_called_the_cause() -> None:
    case = find("by_heart")
    deed = Deed(code="GEN101", fix="augment the images", how="fork", step=50, outcome="kept")
    chance = alarm("GEN101", "info", "contributing")
    assert result(case, untouched=arm(), auto=arm(0.9, chance, deeds=(deed,))).named
    assert result(case, untouched=arm(), auto=arm(0.9, chance)).primary == ""
    blamed = arm(0.9, chance, alarm("OPT101"), deeds=(deed,))
    assert result(case, untouched=arm(), auto=blamed).primary == "OPT101"
    stop = deed.model_copy(update={"code": "GEN102", "how": "free", "outcome": "applied_untried"})
    assert result(case, untouched=arm(), auto=arm(0.9, deeds=(stop,))).primary == ""


def test_a_finding_of_a_midway_fault_is_counted_from_the_fault_on() -> None:
    case = find("values_go_missing")
    seen = result(case, untouched=arm(0.9, alarm("DAT113", step=500)), auto=arm())
    assert seen.first_share is not None
    assert abs(seen.first_share - (0.5 - case.begins)) < 1e-9


def test_an_info_or_a_symptom_of_the_right_cause_is_no_false_alarm() -> None:
    alarms = (
        alarm("ARC106"),
        alarm("GEN101", "info", "contributing"),
        alarm("DAT102", "warning", "symptom", by="ARC106"),
    )
    assert not result(SOFTMAX, untouched=arm(0.9, *alarms), auto=arm()).false_alarms
    far = alarm("DAT110", "warning", "symptom", by="DAT102")
    assert not result(SOFTMAX, untouched=arm(0.9, *alarms, far), auto=arm()).false_alarms
    allowed = alarm("DAT110", "warning", "symptom", by=SOFTMAX.allowed[0])
    assert not result(SOFTMAX, untouched=arm(0.9, allowed), auto=arm()).false_alarms
    ring = (alarm("DAT110", role="symptom", by="DAT105"), alarm("DAT105", role="symptom", by="DAT110"))
    assert set(result(SOFTMAX, untouched=arm(0.9, *ring), auto=arm()).false_alarms) == {"DAT110", "DAT105"}
    assert list(result(SOFTMAX, untouched=arm(), auto=arm(0.9, alarm("DAT105"))).false_alarms) == ["DAT105"]
    assert list(result(HEALTHY, untouched=arm(0.9, alarm("ARC106")), auto=arm()).false_alarms) == ["ARC106"]


def test_an_alarm_is_told_at_its_gravest_and_in_the_last_part_that_it_played() -> None:
    mild, grave = (finding("GEN101", severity=one, message=one.value) for one in (Severity.INFO, Severity.WARNING))
    told = (
        ledger.Found(finding=mild, role="contributing", step=10),
        ledger.Restated(finding=grave, step=20),
        ledger.Cleared(code="GEN101", mended=False, step=30),
        ledger.Found(finding=mild, role="symptom", explained_by="ARC106", step=40),
    )
    (kept,) = arm_of(SOFTMAX, (), told, RunEnded(why="finished", step=50, seconds=1.0), 1.0).alarms
    assert (kept.severity, kept.message, kept.step) == ("warning", "warning", 10)
    assert (kept.role, kept.explained_by) == ("symptom", "ARC106")


def test_a_run_is_rescued_within_a_point_of_the_reference_and_harmed_a_point_below_untouched() -> None:
    seen = result(SOFTMAX, untouched=arm(0.5), auto=arm(0.895), reference=arm(0.9))
    assert seen.hurts
    assert seen.rescued
    assert not seen.harmed
    assert result(SOFTMAX, untouched=arm(0.5), auto=arm(0.48), reference=arm(0.9)).harmed


def test_a_share_comes_with_the_interval_of_wilson() -> None:
    assert share([True] * 9 + [False]) == "9 of 10, 90% (60% to 98%)"
    assert share([]) == "nothing run"


def test_results_are_read_again_but_for_torn_lines_and_changed_cases(tmp_path: Path) -> None:
    kept = result(SOFTMAX, untouched=arm(float("nan")), auto=arm()).result
    old = kept.model_copy(update={"seed": 1, "digest": "of another time"})
    torn = kept.model_copy(update={"seed": 2}).model_dump_json()[:-20]
    (tmp_path / "a.jsonl").write_text(f"{kept.model_dump_json()}\n{old.model_dump_json()}\n{torn}")
    read = read_results(tmp_path, [SOFTMAX])
    assert list(read) == [("softmax_twice", 0)]
    assert read["softmax_twice", 0].arms["untouched"].score != read["softmax_twice", 0].arms["untouched"].score


def _knobs() -> tuple[Knob, ...]:
    config = find("ok_cnn_augmented").config("faulty", 0, "auto")
    setup = build(config)
    return catalogue(first_values(config, 1), setup.unavailable)


KNOBS = _knobs()


@given(st.integers())
def test_a_random_fix_is_one_change_that_the_run_admits(seed: int) -> None:
    commands = change(random.Random(seed), KNOBS, 700)
    first = commands[0]
    assert isinstance(first, Turn | Rollback)
    (turned,) = first.turns
    knob = next(knob for knob in KNOBS if knob.name == turned.knob)
    assert knob.name in DRAWS
    assert knob.check(turned.to) == turned.to
    assert isinstance(first, Rollback) or isinstance(commands[1], Confirm)


def test_each_hold_out_has_a_section_of_its_own_and_counts_in_no_other_figure() -> None:
    named = {"untouched": arm(0.5, alarm("ARC106")), "auto": arm(0.9, alarm("ARC106")), "reference": arm()}
    unnamed = {"untouched": arm(0.5), "auto": arm(0.5), "reference": arm()}
    main = result(SOFTMAX, **named).result
    held_out = result(find("held_mixer_softmax"), **unnamed).result
    second = result(find("second_sites_softmax"), **named).result
    sections, records = judged({(one.case, one.seed): one for one in (main, held_out, second)})
    page = "\n".join(sections)
    before, after = page.split(HOLD_OUT_TITLE)
    first, last = after.split(SECOND_TITLE)
    assert [name in before for name in ("softmax_twice ", "held_mixer_softmax", "second_sites_softmax")] == [
        True,
        False,
        False,
    ]
    assert [name in first for name in ("softmax_twice ", "held_mixer_softmax", "second_sites_softmax")] == [
        False,
        True,
        False,
    ]
    assert [name in last for name in ("softmax_twice ", "held_mixer_softmax", "second_sites_softmax")] == [
        False,
        False,
        True,
    ]
    for part, named_first in ((before, "1 of 1"), (first, "0 of 1"), (last, "1 of 1")):
        assert f"| right cause named first | ≥ 95 % | {named_first}" in part
    assert (records["ARC106"].right_runs, records["ARC106"].found_runs, records["ARC106"].faulty_runs) == (1, 1, 1)
    assert judged({(main.case, 0): main})[1] == records


def test_a_remark_that_is_due_counts_for_its_rule_and_its_run_as_healthy() -> None:
    case = find("columns_constant")
    said = result(case, untouched=arm(0.9, alarm("DAT107", "info", "contributing")), auto=arm()).result
    sections, records = judged({(said.case, 0): said})
    assert any("| columns_constant | 0 | DAT107 | 0.05 | it is so |" in section for section in sections)
    assert (records["DAT107"].right_runs, records["DAT107"].found_runs, records["DAT107"].faulty_runs) == (1, 1, 0)
