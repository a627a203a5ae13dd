"""The rules and the trainer's knob catalogue agree, though neither floor knows the other."""

import ast
from pathlib import Path

import pytest

import rules
from rules.vocabulary import Effect, Fix
from tests.rules.situations import KNOBS
from tests.rules.test_catalogue import findings
from trainer.knobs import SPECS, KnobError, catalogue

RULE_FILES = sorted(Path(rules.__path__[0]).rglob("*.py"))


def test_the_knobs_of_the_rule_tests_are_the_trainers() -> None:
    assert set(KNOBS) == set(SPECS)


@pytest.mark.parametrize("file", RULE_FILES, ids=lambda file: file.stem)
def test_every_knob_that_a_rule_names_exists(file: Path) -> None:
    named: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id == "turned":
            named |= {word.arg for word in node.keywords if word.arg}
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("number", "can"):
            named |= {arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)}
    assert named <= set(SPECS)


def fixes() -> list[Fix]:
    return [fix for finding in findings() for fix in finding.fixes if fix.turns]


def test_a_fix_of_the_same_mathematics_turns_only_knobs_that_keep_it() -> None:
    kept = [fix for fix in fixes() if fix.effect is Effect.SAME_MATHEMATICS]
    assert kept
    for fix in kept:
        assert {SPECS[turn.knob].effect for turn in fix.turns} <= {"same_mathematics", "free"}


def test_a_fix_of_other_rounding_turns_no_knob_that_changes_learning() -> None:
    rounded = [fix for fix in fixes() if fix.effect is Effect.OTHER_ROUNDING]
    assert rounded
    for fix in rounded:
        assert "changes_learning" not in {SPECS[turn.knob].effect for turn in fix.turns}


def test_every_turn_is_one_that_the_trainer_would_take() -> None:
    board = {knob.name: knob for knob in catalogue(KNOBS, {})}
    for fix in fixes():
        for turn in fix.turns:
            try:
                board[turn.knob].check(turn.to)
            except KnobError as refused:
                pytest.fail(f"{fix.name}: {refused}")
