from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.deciding.assess import ABSENT_TO_CLEAR, SEEN_TO_STAND, Assessment, Standing, assess, follow, unripe
from advisor.deciding.causes import confidence, parts, said
from advisor.deciding.diagnosis import Diagnosis
from advisor.deciding.history import History
from advisor.ledger import Found, Restated, RoleChanged
from rules.facts import Facts, LossFacts, RunFacts
from rules.vocabulary import Deed, Effect, Evidence, Finding, Rule, Severity
from tests.advisor.literal import finding, fix, rule_from

RUN = Facts({"run": RunFacts(step=100, steps_total=1000, epoch=1.0, steps_per_epoch=100, batch_size=32)})


def raising(run: RunFacts) -> Finding | None:
    raise ZeroDivisionError("division by zero")


def of_loss(loss: LossFacts) -> Finding | None:
    return None


def test_a_rule_passes_finds_or_is_not_assessed() -> None:
    rules = (rule_from("OPT901"), rule_from("OPT902", since=1000), Rule("OPT903", of_loss))
    assessment = assess(rules, RUN)
    assert [one.code for one in assessment.findings] == ["OPT901"]
    assert assessment.passed == ("OPT902",)
    assert assessment.not_assessed == {"OPT903": ("loss",)}


def test_a_rule_that_raises_is_recorded_and_hinders_nobody() -> None:
    assessment = assess((Rule("OPT901", raising), rule_from("OPT902")), RUN)
    assert assessment.errors == {"OPT901": "ZeroDivisionError: division by zero"}
    assert [one.code for one in assessment.findings] == ["OPT902"]


def test_a_muted_rule_is_not_put_the_question() -> None:
    assert assess((Rule("OPT901", raising),), RUN, mute=("OPT901",)) == Assessment()


@pytest.mark.parametrize(
    ("one", "looks"),
    [
        pytest.param(finding("OPT901"), SEEN_TO_STAND, id="a warning has to be seen twice"),
        pytest.param(finding("OPT901", severity=Severity.ERROR), 1, id="an error stands at once"),
        pytest.param(finding("OPT901", fix(Effect.RESCUE)), 1, id="what can be rescued stands at once"),
        pytest.param(finding("SIZ901", fix(Effect.FREE, deed=Deed.COMPRESS)), 1, id="a finished model is seen once"),
    ],
)
def test_a_finding_stands_after_it_was_seen_often_enough(one: Finding, looks: int) -> None:
    standings: dict[str, Standing] = {}
    for look in range(1, looks + 1):
        followed = follow(standings, Assessment(findings=(one,)), look)
        standings = dict(followed.standings)
        assert bool(followed.found) == (look == looks)
    assert follow(standings, Assessment(findings=(one,)), 9).found == ()


def test_a_finding_seen_with_a_gap_does_not_stand() -> None:
    seen, absent = Assessment(findings=(finding("OPT901"),)), Assessment(passed=("OPT901",))
    standings: dict[str, Standing] = {}
    for assessment in (seen, absent, seen):
        followed = follow(standings, assessment, 1)
        standings = dict(followed.standings)
        assert not followed.found


def test_a_finding_is_cleared_after_it_was_absent_three_times_in_a_row() -> None:
    standings = {"OPT901": Standing(finding("OPT901"), seen=5, stands=True)}
    absent, seen = Assessment(passed=("OPT901",)), Assessment(findings=(finding("OPT901"),))
    cleared = []
    for assessment in (absent, absent, seen, *([absent] * ABSENT_TO_CLEAR)):
        followed = follow(standings, assessment, 1)
        standings = dict(followed.standings)
        cleared.append(followed.cleared)
    assert cleared == [(), (), (), (), (), ("OPT901",)]
    assert standings == {}


def test_a_rule_that_cannot_be_assessed_says_nothing_either_way() -> None:
    standings = {"OPT901": Standing(finding("OPT901"), seen=5, absent=2, stands=True)}
    followed = follow(standings, Assessment(not_assessed={"OPT901": ("phases",)}), 1)
    assert followed.standings == standings


def test_after_the_run_has_changed_a_finding_stands_but_is_not_ripe() -> None:
    standings = unripe({"A": Standing(finding("A"), seen=5, stands=True), "B": Standing(finding("B"), seen=1)})
    assert set(standings) == {"A"}
    assert standings["A"].stands
    assert not standings["A"].ripe


ROLES = [
    pytest.param([finding("A")], {"A": ("cause", "")}, id="one warning is the cause"),
    pytest.param([finding("A", severity=Severity.INFO)], {"A": ("contributing", "")}, id="an opportunity is no cause"),
    pytest.param(
        [finding("A", explains=("B",)), finding("B", severity=Severity.ERROR)],
        {"A": ("cause", ""), "B": ("symptom", "A")},
        id="what is explained is a symptom, however severe",
    ),
    pytest.param(
        [finding("A"), finding("B", severity=Severity.ERROR)],
        {"A": ("contributing", ""), "B": ("cause", "")},
        id="the most severe one is the cause",
    ),
    pytest.param(
        [finding("A"), finding("B", explains=("C",)), finding("C")],
        {"A": ("contributing", ""), "B": ("cause", ""), "C": ("symptom", "B")},
        id="of equals, the one that explains more",
    ),
    pytest.param(
        [finding("A", explains=("B",)), finding("B", explains=("A",), severity=Severity.ERROR)],
        {"A": ("symptom", "B"), "B": ("cause", "")},
        id="two that explain each other: the more severe one is the cause",
    ),
    pytest.param(
        [finding("A", explains=("B",)), finding("B", explains=("C",)), finding("C", explains=("A",))],
        {"A": ("cause", ""), "B": ("symptom", "A"), "C": ("symptom", "B")},
        id="a ring has a cause all the same",
    ),
]


@pytest.mark.parametrize(("findings", "expected"), ROLES)
def test_each_finding_plays_its_part(findings: list[Finding], expected: dict[str, tuple[str, str]]) -> None:
    assert {code: (part.role, part.explained_by) for code, part in parts(findings).items()} == expected


def test_a_standing_finding_is_restated_when_its_numbers_change_and_only_then() -> None:
    def worsening(run: RunFacts) -> Finding | None:
        return finding("OPT901", severity=Severity.ERROR).model_copy(update={"message": f"{run.step} steps of it"})

    def facts(step: int) -> Facts:
        return Facts({"run": RunFacts(step=step, steps_total=1000, epoch=1.0, steps_per_epoch=100, batch_size=32)})

    diagnosis = Diagnosis((Rule("OPT901", worsening),), mute=())
    diagnosis.update(facts(100), 100, History())
    assert diagnosis.restate() == []
    diagnosis.update(facts(200), 200, History())
    (restated,) = diagnosis.restate()
    assert isinstance(restated, Restated)
    assert restated.finding.message == "200 steps of it"
    assert diagnosis.restate() == []


def test_what_an_undecided_finding_explains_is_told_no_graver_until_it_is_decided() -> None:
    def open_cause(run: RunFacts) -> Finding | None:
        decided = run.step >= 300
        severity = Severity.ERROR if decided else Severity.INFO
        cause = finding("DAT901", severity=severity, explains=("OPT901",))
        return cause.model_copy(update={"undecided": not decided})

    def symptom(run: RunFacts) -> Finding | None:
        return finding("OPT901", severity=Severity.ERROR)

    def facts(step: int) -> Facts:
        return Facts({"run": RunFacts(step=step, steps_total=1000, epoch=1.0, steps_per_epoch=100, batch_size=32)})

    diagnosis = Diagnosis((Rule("DAT901", open_cause), Rule("OPT901", symptom)), mute=())
    told = diagnosis.update(facts(100), 100, History())
    severities = {entry.finding.code: entry.finding.severity for entry in told if isinstance(entry, Found)}
    assert severities == {"DAT901": Severity.INFO, "OPT901": Severity.INFO}
    assert diagnosis.restate() == []
    assert diagnosis.parts["OPT901"].explained_by == "DAT901"
    diagnosis.update(facts(300), 300, History())
    assert {entry.finding.severity for entry in diagnosis.restate() if isinstance(entry, Restated)} == {Severity.ERROR}


FAR, NEAR, EXACT = (
    Evidence(fact="loss.now", value=value, limit=limit) for value, limit in ((100.0, 1.0), (1.1, 1.0), (6, 0))
)


@pytest.mark.parametrize(
    ("surer", "less_sure"),
    [
        pytest.param({"evidence": (FAR,)}, {"evidence": (NEAR,)}, id="the evidence lies further beyond its limit"),
        pytest.param({"evidence": (EXACT,)}, {"evidence": (NEAR,)}, id="the evidence is exact"),
        pytest.param({}, {"probes": ("lr_sweep",)}, id="no probe is open"),
    ],
)
def test_a_cause_is_the_surer_the_more_speaks_for_it(surer: dict[str, Any], less_sure: dict[str, Any]) -> None:
    one, other = (parts([finding("OPT901", **fields)])["OPT901"].confidence for fields in (surer, less_sure))
    assert 0 < other < one <= 1


def test_a_cause_is_surer_when_its_probe_has_answered_and_less_sure_beside_a_rival() -> None:
    cause = finding("OPT901", severity=Severity.ERROR, evidence=(NEAR,))
    alone = parts([cause])["OPT901"].confidence
    assert parts([cause], probed={"OPT901"})["OPT901"].confidence > alone
    rival, hint = finding("OPT902", severity=Severity.ERROR), finding("OPT903", severity=Severity.INFO)
    assert parts([cause, rival])["OPT901"].confidence < alone
    assert parts([cause, hint])["OPT901"].confidence == alone
    symptom = cause.model_copy(update={"explains": ("OPT902",)})
    assert parts([symptom, rival])["OPT901"].confidence == alone


def test_only_the_cause_has_a_confidence() -> None:
    found = parts(
        [finding("OPT901", explains=("OPT902",)), finding("OPT902"), finding("OPT903", severity=Severity.INFO)]
    )
    assert {code: part.confidence > 0 for code, part in found.items()} == {
        "OPT901": True, "OPT902": False, "OPT903": False,
    }  # fmt: skip


@given(st.lists(st.tuples(st.floats(), st.floats()), max_size=4), st.integers(0, 5), st.booleans(), st.booleans())
def test_a_confidence_is_a_share_whatever_the_evidence(
    pairs: list[tuple[float, float]], rivals: int, probed: bool, asks: bool
) -> None:
    evidence = tuple(Evidence(fact="loss.now", value=value, limit=limit) for value, limit in pairs)
    cause = finding("OPT901", evidence=evidence, probes=("lr_sweep",) if asks else ())
    others = [finding(f"OPT91{number}") for number in range(rivals)]
    assert 0 <= confidence(cause, [cause, *others], probed) <= 1


def test_a_confidence_is_told_again_only_when_its_word_changes() -> None:
    diagnosis = Diagnosis(
        (rule_from("OPT901", severity=Severity.ERROR), rule_from("OPT902", since=200, severity=Severity.ERROR)), ()
    )
    found = next(entry for entry in diagnosis.update(RUN, 100, History()) if isinstance(entry, Found))
    assert (found.role, said(found.confidence)) == ("cause", "sure")
    assert not [entry for entry in diagnosis.update(RUN, 110, History()) if isinstance(entry, RoleChanged)]
    later = Facts({"run": RunFacts(step=200, steps_total=1000, epoch=1.0, steps_per_epoch=100, batch_size=32)})
    changed = [entry for entry in diagnosis.update(later, 200, History()) if isinstance(entry, RoleChanged)]
    assert [(entry.code, said(entry.confidence)) for entry in changed] == [("OPT901", "likely")]


def test_a_confidence_has_a_word() -> None:
    assert [said(one) for one in (0.9, 0.6, 0.3, 0.0)] == ["sure", "likely", "perhaps", ""]
