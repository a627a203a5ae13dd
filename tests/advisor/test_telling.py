"""What a person reads of a run while it goes on."""

import io

import pytest
from rich.console import Console

from advisor.ledger import Cleared, Entry, Found, HardwareProfiled, Judged, Refused, TrainerStarted, TrialStarted
from advisor.showing.progress import BarProgress, PlainProgress, write_line
from advisor.story.story import Story
from advisor.story.telling import MOST_REFUSALS, glance, machine, progress, tell_entry, tell_event
from rules.vocabulary import Effect, Finding, Fix, Severity
from tests.advisor.test_session import beat, evaluated, started
from trainer import wire
from trainer.words import EventWord

FIX = Fix(name="use bf16", effect=Effect.OTHER_ROUNDING, improves="step_s", expected=0.1, estimated_by="a guess")
TRIAL = TrialStarted(trial="t1", code="DEV101", fix=FIX, how="rounds", old={}, expected_cost_s=3.0)


def told(*words: wire.Event | Entry) -> list[str]:
    story, lines = Story(), []
    for word in words:
        if isinstance(word, EventWord):
            story.hear(word)
            line = tell_event(word, story)
        else:
            story.enter(word)  # type: ignore[arg-type]
            line = tell_entry(word, story)  # type: ignore[arg-type]
        if line is not None:
            lines.append(f"{line.word} {line.text}")
    return lines


def test_a_run_introduces_itself_and_says_how_far_it_is() -> None:
    lines = told(started(), beat(3), evaluated(3))
    assert "mlp, 10 parameters" in lines[0]
    assert "100 steps" in lines[0]
    assert "3/100" in lines[1]
    assert "accuracy 50.0%" in lines[1]


@pytest.mark.parametrize(("severity", "lines"), [(Severity.INFO, 1), (Severity.WARNING, 2)])
def test_a_hint_that_comes_and_goes_is_told_once(severity: Severity, lines: int) -> None:
    finding = Finding(code="OPT104", name="plateau", severity=severity, message="the loss rests", evidence=())
    found = Found(finding=finding, role="contributing")
    assert len(told(found, Cleared(code="OPT104", mended=False), found)) == lines


@pytest.mark.parametrize(
    ("outcome", "word"),
    [
        ("kept", "keep"),
        ("rolled_back", "drop"),
        ("undecided", "drop"),
        ("applied_untried", "apply"),
        ("refused", "leave"),
    ],
)
def test_a_verdict_names_its_fix_and_its_reason(outcome: str, word: str) -> None:
    verdict = Judged(trial="t1", code="DEV101", outcome=outcome, why="3% slower in 6 of 6 rounds", cost_s=1.0)  # type: ignore[arg-type]
    assert told(TRIAL, verdict) == [
        "try use bf16 (DEV101, rounds, about 3.0 s)",
        f"{word} use bf16: 3% slower in 6 of 6 rounds",
    ]


def test_a_finding_says_what_it_is_a_symptom_of() -> None:
    finding = Finding(code="NUM102", name="divergence", severity=Severity.ERROR, message="9 times as high", evidence=())
    assert told(Found(finding=finding, role="symptom", explained_by="OPT101")) == [
        "found NUM102 9 times as high (because of OPT101)"
    ]


def test_refusals_do_not_flood_the_screen() -> None:
    assert len(told(*(Refused(code=f"DEV{n}", fix=FIX, why="frozen") for n in range(50)))) == MOST_REFUSALS


def test_a_first_start_is_no_restart() -> None:
    assert told(TrainerStarted(pid=1)) == []
    assert told(TrainerStarted(pid=1, restart=2)) == ["restart the trainer was started again (2)"]


def test_the_machine_fits_in_one_line() -> None:
    hardware = {"cores": 8, "memory_bytes": 2**34, "devices": [], "python": "3.11", "system": "Linux 6"}
    assert machine(hardware) == "8 cores · 16.0 GiB memory · no NVIDIA GPU · Python 3.11 on Linux 6"
    assert "?" in machine({})


def test_a_loss_that_is_not_a_number_is_told_as_such() -> None:
    story = Story()
    story.hear(started())
    story.hear(beat(1).model_copy(update={"loss": (float("nan"),)}))
    assert "loss NaN" in progress(story)
    assert len(glance(story)) < 60


def test_progress_is_at_most_a_line_a_second() -> None:
    out = io.StringIO()
    plain = PlainProgress(out)
    plain.enter(HardwareProfiled(hardware={}))
    plain.hear(started())
    for step in range(100):
        plain.hear(beat(step))
        plain.hear(evaluated(step))
    assert len(out.getvalue().splitlines()) <= 3


def test_a_bar_tells_what_was_found_and_survives_its_terminal() -> None:
    out = io.StringIO()
    bar = BarProgress(Console(file=out, force_terminal=True, width=80))
    bar.hear(started())
    bar.tick()
    bar.enter(TRIAL)
    assert "use bf16 (DEV101, rounds" in out.getvalue()
    assert "0/100" in out.getvalue()
    out.close()
    bar.enter(TRIAL)
    bar.close()


def test_an_output_that_cannot_write_it_costs_nothing() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii", write_through=True)
    write_line(out, "50 % → 3 µs")
    assert raw.getvalue() == b"50 % ? 3 ?s\n"
    closed = io.StringIO()
    closed.close()
    write_line(closed, "nobody reads this")


FIX = Fix(name="go back", effect=Effect.RESCUE, improves="finite", expected=0.0, estimated_by="a literal")
LOST = Finding(code="NUM101", name="non_finite", severity=Severity.ERROR, message="the loss is lost", evidence=())
TURNED_BACK = wire.RolledBack(t=2.0, step=0, from_step=9, skipped_batches=0, trial="t1")
RESCUE = TrialStarted(trial="t1", code="NUM101", fix=FIX, how="rescue", old={}, expected_cost_s=0.0)
APPLIED = Judged(trial="t1", code="NUM101", outcome="applied_untried", why="the loss is finite", cost_s=0.1)
GONE = Cleared(code="NUM101", mended=True)


def test_a_finding_that_a_rewind_took_from_sight_is_not_called_mended() -> None:
    found = Found(finding=LOST, role="cause")
    assert "gone NUM101 is gone since the rewind" in told(started(), found, RESCUE, TURNED_BACK, GONE)
    assert "gone NUM101 is mended" in told(started(), found, RESCUE, TURNED_BACK, APPLIED, GONE)
    again = [started(), found, RESCUE, TURNED_BACK, APPLIED, GONE, found, GONE]
    assert told(*again)[-1] == "gone NUM101 is mended"


def test_a_finding_that_is_gone_since_a_rewind_is_mended_once_what_was_done_is_judged() -> None:
    story = Story()
    story.hear(started())
    story.enter(Found(finding=LOST, role="cause"))
    story.enter(RESCUE)
    story.hear(TURNED_BACK)
    story.enter(GONE)
    assert story.findings["NUM101"].rewound
    story.enter(APPLIED)
    assert story.findings["NUM101"].mended
    assert not story.findings["NUM101"].rewound


def test_a_score_of_an_arm_is_told_in_words() -> None:
    why = "tail_balanced_loss 0.48 → 0.36 after 97 steps"
    line = told(started(), RESCUE, APPLIED.model_copy(update={"why": why}))[-1]
    assert "loss with all classes alike 0.48 → 0.36" in line
    assert "tail_" not in line
