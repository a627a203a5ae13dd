"""The catalogue, and the conventions that every rule keeps."""

import ast
import re
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import rules
from rules.catalogue import CatalogueError, all_rules, find, gather
from rules.facts import GROUPS, RateFacts
from rules.vocabulary import Deed, Effect, Finding, Fix, Rule
from tests.rules.situations import HEALTHY, KNOBS, assessed, evaluations, knobs, layers

SECTIONS = ("What it does", "Why it matters", "What to do", "Fix safety", "When to ignore it", "References")
FAMILIES = ("DAT", "INP", "DEV", "MEM", "NUM", "OPT", "GEN", "ARC", "DST", "SIZ", "RUN")
MOST_CODE_LINES = 120
HERE = Path(__file__).parent

each_rule = pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.code) for rule in all_rules()])


def source(rule: Rule) -> Path:
    return Path(rules.__path__[0]).parent / (rule.module.replace(".", "/") + ".py")


@each_rule
def test_a_rule_explains_itself_in_six_sections(rule: Rule) -> None:
    assert tuple(re.findall(r"^## (.+)$", rule.documentation, re.MULTILINE)) == SECTIONS
    assert rule.headline.endswith(".")
    for section in rule.documentation.split("\n## ")[1:]:
        assert section.partition("\n")[2].strip(), f"{section} is empty"


@each_rule
def test_a_file_is_named_after_code_and_function(rule: Rule) -> None:
    assert source(rule).stem == f"{rule.code.lower()}_{rule.name}"
    assert rule.family in FAMILIES


@each_rule
def test_a_rule_has_a_test_file(rule: Rule) -> None:
    assert (HERE / f"test_{source(rule).name}").exists()


@each_rule
def test_a_rule_needs_only_groups_that_exist(rule: Rule) -> None:
    assert rule.needs
    assert set(rule.needs) <= set(GROUPS)


@each_rule
def test_a_rule_is_short(rule: Rule) -> None:
    text = source(rule).read_text()
    module = ast.parse(text)
    prose = {
        line
        for node in ast.walk(module)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    code = [line for place, line in enumerate(text.splitlines(), 1) if line.strip() and place not in prose]
    assert len(code) <= MOST_CODE_LINES


@each_rule
def test_every_number_that_decides_has_its_reason_below_it(rule: Rule) -> None:
    body = ast.parse(source(rule).read_text()).body
    for place, node in enumerate(body):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant | ast.UnaryOp):
            after = body[place + 1] if place + 1 < len(body) else None
            named = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
            reasoned = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            assert named or reasoned, f"line {node.lineno} of {source(rule).name} gives no reason"


@each_rule
def test_a_rule_reads_no_clock_file_or_chance(rule: Rule) -> None:
    imported = {
        name.partition(".")[0]
        for node in ast.walk(ast.parse(source(rule).read_text()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported <= {"rules", "collections", "math", "statistics", "itertools"}


@each_rule
def test_a_rule_explains_only_rules_that_exist(rule: Rule) -> None:
    codes = set(re.findall(r'"([A-Z]{3}\d{3})"', source(rule).read_text()))
    assert codes <= {other.code for other in all_rules()}


@each_rule
def test_nothing_is_wrong_with_a_healthy_run(rule: Rule) -> None:
    assert assessed(rule, {}) is None


def findings() -> list[Finding]:
    """Return what all rules say about situations in which much is wrong."""
    stuck = {"now": 2.6, "fall_share": 0.0, "noise_share": 0.6, "curve": ((10, 9.0), (100, 2.6)), "outliers_in_50": 5}
    flat = {"now": 2.3, "best": 2.3, "fall_share": 0.0, "noise_share": 0.05, "curve": ((10, 2.3),)}
    troubles = [
        {"loss": stuck, "layers": {"layers": layers(1e-9, 0.1, dead=0.9, saturated=0.9, ratio=0.5)}},
        {"loss": stuck, "run": {"step": 150}, "gradients": {"now": 1e5}, "validation": evaluations([2.6] * 8, [0.1] * 8)},
        {"loss": {"now": 1.5, "best": 0.5, "above_best_steps": 90, "non_finite_steps": 5, "non_finite_onset": 450}},
        {"loss": flat, "knobs": knobs(clip=1e-3, weight_decay=0.2), "gradients": {"clipped_share": 1.0}},
        {"loss": stuck, "knobs": knobs(optimizer="momentum", momentum=0.999), "rate": RateFacts(0.1, 10.0, 480, 100.0)},
        {"loader": {"wait_share": 0.5, "wait_s": 0.02, "fetch_s": 0.03}, "phases": {"step_s": 0.1, "evaluation_share": 0.6}},
        {"classes": {"counts": (600, 20), "recalls": (0.9, 0.1)}, "labels": {"noise_share": 0.2}},
        {"run": {"step": 1000, "finished": True}, "memory": {"peak_share": 0.99, "ran_out": 2}},
        {"validation": evaluations([0.5, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9], [0.8] + [0.7] * 7, every=50)},
    ]  # fmt: skip
    said = [assessed(rule, trouble) for rule in all_rules() for trouble in troubles]
    return [finding for finding in said if finding is not None]


def test_messages_say_what_is_in_one_line() -> None:
    heard = findings()
    assert len({finding.code for finding in heard}) >= 20
    for finding in heard:
        assert "\n" not in finding.message
        assert not finding.message.endswith(".")
        assert finding.message[0].islower() or finding.message[0].isdigit(), finding.message
        assert finding.evidence
        assert find(finding.code).name == finding.name


def test_every_fix_names_its_class_and_how_its_gain_was_estimated() -> None:
    known = {"step_s", "loss", "metric", "balanced_accuracy", "rare_recall", "balanced_loss", "bytes", "time", "finite"}
    for fix in (fix for finding in findings() for fix in finding.fixes):
        assert fix.improves in known
        assert fix.estimated_by
        assert 0 <= fix.expected <= 1
        assert {turn.knob for turn in fix.turns} <= set(KNOBS)
        assert _consistent(fix), fix


def _consistent(fix: Fix) -> bool:
    match fix.effect:
        case Effect.NEEDS_A_PERSON:
            return not fix.turns and fix.deed in (Deed.PERSON, Deed.START_OVER)
        case Effect.RESCUE:
            return fix.deed in (Deed.ROLLBACK, Deed.START_OVER, Deed.STOP)
        case Effect.FREE:
            return fix.deed in (Deed.STOP, Deed.COMPRESS)
        case Effect.CHANGES_LEARNING:
            return fix.deed in (Deed.TURN, Deed.START_OVER) and bool(fix.turns) and bool(fix.guards)
        case _:
            return fix.deed is Deed.TURN and bool(fix.turns)


def test_the_catalogue_is_sorted_and_has_every_family_that_matters_now() -> None:
    codes = [rule.code for rule in all_rules()]
    assert codes == sorted(set(codes))
    assert {code[:3] for code in codes} == set(FAMILIES)


@pytest.mark.parametrize("asked", ["INP101", "inp101", "input-stall", "input_stall"])
def test_a_rule_is_found_by_code_or_name(asked: str) -> None:
    assert find(asked).code == "INP101"


def test_an_unknown_rule_gives_the_nearest_one() -> None:
    with pytest.raises(CatalogueError, match=r"no rule 'input-stal': did you mean INP101\?"):
        find("input-stal")


def test_one_code_belongs_to_one_rule() -> None:
    with pytest.raises(CatalogueError, match="INP101 is the code of"):
        gather([find("INP101"), find("INP101")], [])


def test_a_third_party_brings_its_rules_by_entry_point() -> None:
    entry = EntryPoint("theirs", "rules.input.inp101_input_stall:input_stall", "training_advisor.rules")
    assert [rule.code for rule in gather([find("NUM101")], [entry])] == ["INP101", "NUM101"]


@pytest.mark.parametrize(
    "value",
    [pytest.param("rules.facts:GROUPS", id="no rule"), pytest.param("no_such_package:rules", id="cannot be loaded")],
)
def test_an_entry_point_that_is_no_rule_is_named(value: str) -> None:
    with pytest.raises(CatalogueError, match=re.escape(value)):
        gather([], [EntryPoint("theirs", value, "training_advisor.rules")])


def test_the_healthy_run_holds_every_group() -> None:
    assert set(HEALTHY) == set(GROUPS)
