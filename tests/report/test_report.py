"""The report: what it says of a run, in JSON, HTML, Markdown and on the terminal."""

import json
import tomllib
from html.parser import HTMLParser
from math import isnan
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor import ledger
from advisor.ledger import Measured
from advisor.report import words
from advisor.report.build import build, read_report, write_report
from advisor.report.html import html
from advisor.report.json_schema import json_schema
from advisor.report.markdown import markdown
from advisor.report.page import first_page
from advisor.report.schema import Report
from advisor.runs import Run, create_run
from advisor.story.story import fold
from rules.vocabulary import Severity, Turned
from tests.report import literal_runs
from trainer import wire
from trainer.words import Change

HOSTILE = "</script><img src=x onerror=alert(1)>\"'`|*_{{ 7*7 }} & é\x00"
SCHEMA = Path(__file__).parents[2] / "advisor" / "report" / "report.schema.json"


def report_of(run: literal_runs.Recorder, **about: Any) -> Report:
    return build(fold(run.events, run.entries), literal_runs.about(**about), "/runs/one")


def written(folder: Path, run: literal_runs.Recorder) -> Run:
    about = literal_runs.about()
    del about["format"]
    place = create_run(folder / "run", "run", about)
    place.events.write_text("".join(event.model_dump_json() + "\n" for event in run.events))
    place.ledger.write_text("".join(entry.model_dump_json() + "\n" for entry in run.entries))
    return place


class Page(HTMLParser):
    """Collects the tags of a page, its text, and whether its tags are balanced."""

    EMPTY = frozenset({"meta", "link", "img", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.mark.parametrize("name", literal_runs.ALL)
def test_every_run_has_a_report_in_every_form(name: str, tmp_path: Path) -> None:
    run = written(tmp_path, literal_runs.ALL[name]())
    report = write_report(run)
    assert read_report(run) is not None
    assert report.verdict.endswith(".")
    assert report.why
    assert report.next
    assert len(str(first_page(report)).splitlines()) <= 40
    page = Page((run.folder / "report.html").read_text())
    assert page.open == []
    assert "script" not in page.tags
    assert report.verdict in (run.folder / "report.md").read_text().replace("\\", "")
    tomllib.loads((run.folder / "final_config.toml").read_text())


def test_the_json_has_the_names_that_other_programs_read(tmp_path: Path) -> None:
    run = written(tmp_path, literal_runs.troubled())
    write_report(run)
    told = json.loads(run.report.read_text())
    assert {
        "schema_version", "verdict", "why", "next", "run", "metrics", "findings", "interventions", "opportunities",
        "passed", "not_assessed", "hardware", "data", "time", "overhead", "final_config",
    } <= told.keys()  # fmt: skip
    assert {"name", "higher_is_better", "baseline", "best", "final", "test", "all"} <= told["metrics"].keys()
    assert {"code", "name", "role", "severity", "mended", "message", "evidence", "step"} <= told["findings"][0].keys()
    first = told["interventions"][0]
    assert {"step", "rule", "fix", "turns", "effect", "outcome", "expected", "measured", "cost_s"} <= first.keys()
    assert first["turns"] == {"lr": {"old": 5.0, "new": 0.031}}
    assert {"code", "missing", "applicable", "why"} <= told["not_assessed"][0].keys()
    assert "share" in told["overhead"]


def test_the_schema_file_is_the_schema() -> None:
    renew = "renew it: json.dumps(json_schema(Report), indent=1) → advisor/report/report.schema.json"
    assert json.loads(SCHEMA.read_text()) == json_schema(Report), renew


def test_a_troubled_run_tells_its_interventions_with_their_gains() -> None:
    report = report_of(literal_runs.troubled())
    outcomes = [(one.fix, one.outcome) for one in report.interventions if one.outcome != "refused"]
    assert [outcome for _, outcome in outcomes] == ["applied_untried", "kept", "rolled_back", "kept", "kept"]
    cache = report.interventions[1]
    assert cache.measured is not None
    assert cache.measured.median == 0.41
    assert cache.undo == "[train]\ncache = false\n"
    assert report.metrics.best == 0.949
    assert report.metrics.test == 0.942
    assert report.metrics.baseline == 0.1067
    assert report.level == "warning"


def test_the_final_configuration_has_the_kept_knobs_and_nothing_else_changed() -> None:
    report = report_of(literal_runs.troubled())
    expected = literal_runs.config().model_dump(mode="json")
    expected["train"] |= {"lr": 0.031, "cache": True, "class_weights": "sqrt"}
    assert report.final_config == expected


def test_a_turn_on_probation_when_the_trainer_died_is_not_in_the_final_configuration() -> None:
    assert report_of(literal_runs.crashed()).final_config["train"]["amp"] == "off"


def test_seconds_add_up_to_the_total_and_lost_steps_are_apart() -> None:
    time = report_of(literal_runs.troubled()).time
    assert sum(seconds for part, seconds in time.items() if part != "total") == pytest.approx(time["total"])
    assert time["lost"] > 0
    assert time["trials"] > 2.0


def test_a_healthy_run_says_so_and_has_nothing_to_offer() -> None:
    report = report_of(literal_runs.healthy())
    assert report.opportunities == ()
    assert report.level == "none"
    assert "found none" in report.why
    assert "predict" in report.next


def test_a_crash_names_its_reason_and_the_way_back() -> None:
    run = literal_runs.crashed()
    assert "amp was on trial" in report_of(run).why
    assert "no checkpoint" in report_of(run).next
    run.checkpoint("last")
    assert "advisor resume /runs/one" in report_of(run).next


def test_a_run_without_one_finite_number_has_null_scores() -> None:
    metrics = report_of(literal_runs.all_nan()).metrics
    assert (metrics.best, metrics.final, metrics.test) == (None, None, None)
    assert isnan(metrics.all["loss"])


def test_nan_survives_the_file(tmp_path: Path) -> None:
    run = written(tmp_path, literal_runs.all_nan())
    write_report(run)
    again = read_report(run)
    assert again is not None
    assert isnan(again.metrics.all["accuracy"])
    assert json.loads(run.report.read_text())["timeline"]["loss"][0] == "NaN"
    assert "<svg" in html(again)


def test_what_was_not_tried_is_an_opportunity_with_lines_to_paste() -> None:
    run = literal_runs.all_nan()
    [offer] = report_of(run).opportunities
    assert offer.why_not_applied == "the run was only watched"
    assert tomllib.loads(offer.config) == {"train": {"lr": 0.031}}


def test_opportunities_are_ranked_and_leave_out_what_lost_its_trial() -> None:
    run = literal_runs.crashed()
    run.judge("t1", "DEV101", "rolled_back", "slower", 0.1)
    fixes = (literal_runs.workers_fix(), literal_runs.cache_fix())
    run.found(literal_runs.finding("INP101", "input_stall", "it waits", *fixes), "cause")
    run.enter(ledger.Proposed, proposal="p1", code="INP101", fix=fixes[0], how="rounds", expected_cost_s=1.0)
    offers = report_of(run).opportunities
    assert [one.fix for one in offers] == ["keep decoded items in memory", "raise workers to 2"]
    assert offers[1].why_not_applied == "it waits for your yes"


def test_an_undone_fix_is_no_longer_part_of_the_run() -> None:
    run = literal_runs.troubled()
    run.enter(ledger.Undone, trial="t2", why="a person took it back")
    one = report_of(run).interventions[1]
    assert one.undone
    assert one.undo == ""
    assert "a person took it back" in one.why


def test_a_kept_compression_has_mended_its_finding_though_nothing_is_assessed_after_it() -> None:
    report = report_of(literal_runs.troubled())
    assert next(one for one in report.findings if one.code == "SIZ101").mended


def test_the_first_page_does_not_call_standing_what_was_mended() -> None:
    stands = str(first_page(report_of(literal_runs.troubled()))).partition("What still stands")[2]
    assert "DAT104" in stands
    assert "SIZ101" not in stands
    assert "OPT101" not in stands


def test_the_reason_is_an_error_that_stands_before_all_that_was_gained() -> None:
    run = literal_runs.troubled()
    error = literal_runs.finding("NUM102", "divergence", "the loss rose tenfold", severity=Severity.ERROR)
    run.found(error, "cause")
    assert report_of(run).why == "NUM102: the loss rose tenfold."


def test_what_mends_a_standing_error_is_offered_first() -> None:
    run = literal_runs.all_nan()
    run.found(literal_runs.finding("SIZ101", "large", "it is large", literal_runs.int8_fix()), "contributing")
    person = literal_runs.label_fix().model_copy(update={"expected": 0.99})
    run.found(literal_runs.finding("DAT104", "noise", "labels are wrong", person), "contributing")
    report = report_of(run)
    assert [one.rule for one in report.opportunities] == ["NUM101", "DAT104", "SIZ101"]
    assert report.next.startswith("Start over at a rate of 0.031 (NUM101)")


def test_what_a_fault_in_code_accounts_for_is_not_offered() -> None:
    run = literal_runs.all_nan()
    fault = literal_runs.finding(
        "NUM104", "gradients_pile_up", "5 of 5", literal_runs.label_fix(), severity=Severity.ERROR
    )
    run.found(fault.model_copy(update={"explains": ("NUM101",)}), "cause")
    assert [one.rule for one in report_of(run).opportunities] == ["NUM104"]


def test_the_report_says_how_sure_the_cause_is() -> None:
    run = literal_runs.troubled()
    error = literal_runs.finding("NUM102", "divergence", "the loss rose tenfold", severity=Severity.ERROR)
    run.enter(ledger.Found, finding=error, role="cause", confidence=0.6)
    report = report_of(run)
    assert next(one for one in report.findings if one.code == "NUM102").confidence == 0.6
    assert "likely the cause" in markdown(report)
    assert "likely the cause" in html(report)


def test_a_finding_of_a_rule_in_the_nursery_is_marked() -> None:
    run = literal_runs.troubled()
    assert words.NURSERY not in html(report_of(run))
    young = literal_runs.finding("NUM102", "divergence", "the loss rose tenfold", severity=Severity.WARNING)
    run.found(young.model_copy(update={"nursery": True}), "contributing")
    report = report_of(run)
    assert [one.code for one in report.findings if one.nursery] == ["NUM102"]
    assert html(report).count(words.NURSERY) == 1
    assert markdown(report).count(words.NURSERY) == 1


def test_a_mended_fault_names_the_fix_of_another_finding_that_mended_it() -> None:
    run = literal_runs.troubled()
    other = literal_runs.finding("NUM103", "diverged", "the loss left its minimum", severity=Severity.ERROR)
    run.entries = [entry for entry in run.entries if getattr(entry, "code", "") != "OPT101" or entry.kind != "cleared"]
    run.entries = [entry for entry in run.entries if entry.kind != "found" or entry.finding.code != "OPT101"]
    run.found(other, "cause")
    run.enter(ledger.Cleared, code="NUM103", mended=True)
    assert report_of(run).why.endswith("mended by «start over at a rate of 0.031».")


def test_learning_nothing_is_said() -> None:
    run = literal_runs.Recorder()
    run.start()
    run.learn(128)
    run.evaluate(0.11)
    run.end()
    assert "learned nothing" in report_of(run).verdict


def test_the_best_of_several_guesses_is_no_learning_and_what_stood_last_is_the_reason() -> None:
    run = literal_runs.Recorder()
    run.start()
    run.enter(ledger.DriverStarted, pid=1, mode="watch", budget=0.1)
    dead = literal_runs.finding("ARC103", "dead_units", "100% of the units never fire", severity=Severity.WARNING)
    early = literal_runs.finding("NUM102", "divergence", "the loss is 9", severity=Severity.ERROR)
    run.found(early, "cause")
    run.enter(ledger.Cleared, code="NUM102", mended=False)
    run.learn(128)
    run.evaluate(0.12)  # less than two standard errors above a guess
    run.found(dead, "cause")
    run.enter(ledger.Cleared, code="ARC103", mended=False)
    run.end()
    report = report_of(run)
    assert "learned nothing" in report.verdict
    assert report.why == "ARC103: 100% of the units never fire."
    assert "--mode auto" in report.next


def hostile_run() -> literal_runs.Recorder:
    run = literal_runs.Recorder()
    names = (HOSTILE, "b")
    task = literal_runs.task(classes=names, metric=HOSTILE, source=f"images:/{HOSTILE}")
    run.start(task=task)
    run.learn(32)
    run.say(
        wire.Evaluated, split="val", epoch=1, loss=0.1, metrics={HOSTILE: 0.9}, standard_error=0.01, recalls=(0.9, 0.8),
        seconds=0.1, examples=9, final=True, confusion=((3, 1), (0, 5)),
    )  # fmt: skip
    fix = literal_runs.amp_fix().model_copy(update={"name": HOSTILE, "estimated_by": HOSTILE})
    run.found(literal_runs.finding("DEV101", HOSTILE, HOSTILE, fix, causes=(HOSTILE,)), "cause")
    run.rounds("t1", "DEV101", fix, 0.2, keep=True)
    other = fix.model_copy(update={"name": HOSTILE + "2"})
    run.found(literal_runs.finding("DEV102", HOSTILE, HOSTILE, other), "cause")
    run.enter(ledger.Refused, code="DEV102", fix=other, why=HOSTILE)
    run.enter(ledger.HardwareProfiled, hardware={HOSTILE: HOSTILE})
    run.say(wire.LabelsSuspected, noise_share=0.1, suspects=((0, 0, 1, -1.0),), identities=(HOSTILE,), epochs=3)
    run.end("failed", HOSTILE)
    return run


def test_markup_of_the_user_is_harmless() -> None:
    report = report_of(hostile_run(), name=HOSTILE, argv=[HOSTILE])
    page = Page(html(report))
    assert not {"script", "img"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert "<img src=x onerror=alert(1)>" in "".join(page.text)
    assert "{{ 7*7 }}" in "".join(page.text)
    assert "<img" not in markdown(report).replace("\\<img", "")


def test_the_page_fetches_nothing() -> None:
    page = Page(html(report_of(literal_runs.troubled())))
    links = [value or "" for name, value in page.attributes if name in ("src", "href", "srcset", "action")]
    assert links
    assert all(link.startswith(("#", "data:")) for link in links)


def test_a_page_with_everything_stays_small() -> None:
    assert len(html(report_of(literal_runs.troubled())).encode()) < 200_000


@pytest.mark.parametrize(
    ("measured", "told"),
    [
        pytest.param(Measured(median=0.41, low=0.4, high=0.5, unit="relative step_s"), "41% less step time", id="faster"),
        pytest.param(Measured(median=-0.31, low=-0.4, high=0.1, unit="relative step_s"), "31% more step time", id="slower"),
        pytest.param(Measured(median=0.056, low=0.01, high=0.1, unit="balanced_accuracy"), "+0.056 balanced accuracy", id="points"),
        pytest.param(Measured(median=0.73, low=0.73, high=0.73, unit="relative bytes"), "73% less size", id="smaller"),
        pytest.param(Measured(median=0.1, low=0.0, high=0.2, unit="relative tail_loss"), "10% less loss", id="loss"),
        pytest.param(Measured(median=12.0, low=12.0, high=12.0, unit="seconds"), "12.0 s saved", id="seconds"),
        pytest.param(None, "—", id="unmeasured"),
    ],
)  # fmt: skip
def test_a_gain_is_told_in_words(measured: Measured | None, told: str) -> None:
    assert words.gain(measured) == told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.0, "0 s"), (0.0021, "2.1 ms"), (0.25, "250 ms"), (1.0, "1.0 s"), (59.99, "1 min 0 s"), (3700, "1 h 1 min"),
     (90_000, "1 d 1 h"), (None, "—"), (float("nan"), "—")],
)  # fmt: skip
def test_durations_are_told_as_people_say_them(seconds: float | None, told: str) -> None:
    assert words.duration(seconds) == told


@settings(max_examples=30, deadline=None)
@given(cut=st.integers(0, 90), entries=st.integers(0, 60))
def test_a_run_cut_off_anywhere_still_has_a_report(cut: int, entries: int) -> None:
    run = literal_runs.troubled()
    report = build(fold(run.events[:cut], run.entries[:entries]), literal_runs.about(), "/runs/one")
    assert Page(html(report)).open == []
    assert len(str(first_page(report)).splitlines()) <= 40
    assert markdown(report)


def test_a_fix_of_two_findings_has_mended_both_and_is_undone_with_the_rate_that_came_with_it() -> None:
    run = literal_runs.troubled()
    drawn, scaled = (
        literal_runs.cache_fix().model_copy(update={"name": name, "turns": (Turned(knob=knob, to=to),)})
        for name, knob, to in (("draw anew", "init", "he"), ("scale inputs", "standardise", True))
    )
    run.knobs |= {"init": "as_is", "standardise": False}
    run.found(literal_runs.finding("ARC105", "symmetric_units", "all alike", drawn, severity=Severity.ERROR), "cause")
    run.found(literal_runs.finding("DAT104", "unscaled_inputs", "raw", scaled), "contributing")
    both = drawn.model_copy(
        update={
            "name": "draw anew, together with DAT104: scale inputs",
            "turns": (*drawn.turns, *scaled.turns),
            "also": ("DAT104",),
            "improves": "loss",
        }
    )
    run.try_out("t9", "ARC105", both, "fork")
    changes = (*(Change(knob=one.knob, old=run.knobs[one.knob], new=one.to) for one in both.turns),
               Change(knob="lr", old=0.031, new=0.5))  # fmt: skip
    run.say(wire.KnobsConfirmed, changes=changes, trial="t9")
    run.judge("t9", "ARC105", "kept", "it helped", 1.0)
    report = report_of(run)
    told = next(one for one in report.interventions if one.trial == "t9")
    assert tomllib.loads(told.undo) == {"train": {"init": "as_is", "standardise": False, "lr": 0.031}}
    assert told.turns["lr"] == {"old": 0.031, "new": 0.5}
    assert not {"draw anew", "scale inputs"} & {one.fix for one in report.opportunities}


def test_what_watching_adds_to_a_step_is_told_with_its_error_and_what_gave_way() -> None:
    assert words.watched({}) == ""
    told = {"step_share": 0.021, "step_share_error": 0.004, "pairs": 40, "shed": []}
    assert words.watched(told) == ("; it made a step 2.1 ± 0.4% longer, by 40 pairs of stretches with and without it")
    assert words.watched(told | {"shed": ["layers"]}).endswith("watched less since, for it was over 1%: layers")
