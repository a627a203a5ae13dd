"""A run told line by line: what of its events and ledger a person wants to read while it goes on."""

from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

from advisor import ledger
from advisor.deciding.causes import said
from advisor.report.words import NURSERY, plainly
from advisor.story.story import Story
from advisor.tui.words import number, rate, seconds
from rules.vocabulary import Effect
from trainer import wire

Level = Literal["info", "warning", "error", "good"]

SHARES = ("accuracy", "balanced_accuracy", "rare_recall", "f1_macro")
"""Metrics that people read as percentages."""

MOST_REFUSALS = 8
"""Refusals told one by one; the ledger and the report hold all of them."""


@dataclass(frozen=True)
class Line:
    """One line: a word that says what kind of line it is, and the text."""

    word: str
    text: str
    level: Level = "info"


def tell_event(event: wire.Event, story: Story) -> Line | None:
    """Return the line of an event that the story has just taken in; nothing for one that is no news to a person."""
    match event:
        case wire.RunStarted():
            return Line("start", _start(event))
        case wire.Evaluated(split="val", final=False):
            return Line("step", progress(story))
        case wire.Evaluated(split="test"):
            return Line("test", _scores(event, story))
        case wire.RolledBack():
            return Line("back", f"from step {event.from_step:,} to step {event.step:,}", "warning")
        case wire.MemoryRanOut():
            text = (
                f"out of memory: the batch goes on in pieces of {event.micro_batch_after:,} examples; nothing is lost"
            )
            return Line("memory", text, "warning")
        case wire.MemoryRegained():
            text = f"there is room again: the batch goes on in pieces of {event.micro_batch_after:,} examples"
            return Line("memory", f"{text}, at a predicted {event.predicted_share:.0%} of the memory")
        case wire.TrainingEnded():
            best = f", best at step {event.best_step:,}" if event.best_step else ""
            return Line("end", f"{event.why.replace('_', ' ')} at step {event.step:,}{best}")
        case wire.Told():
            return Line("note", event.text, event.level)
        case wire.KnobsConfirmed() if event.in_code:
            return Line("note", "; ".join(event.in_code))
        case _:
            return None


def tell_entry(entry: ledger.Entry, story: Story) -> Line | None:
    """Return the line of a ledger entry that the story has just taken in; nothing for one that is no news."""
    match entry:
        case ledger.HardwareProfiled():
            return Line("machine", machine(entry.hardware))
        case ledger.Found():
            because = f" (because of {entry.explained_by})" if entry.explained_by else ""
            sure = f" ({word}, the cause)" if (word := said(entry.confidence)) else ""
            finding = entry.finding
            level: Level = finding.severity.value
            known = story.findings.get(finding.code)
            if level == "info" and known is not None and known.times > 1:  # a hint that comes and goes is told once
                return None
            young = f" ({NURSERY})" if finding.nursery else ""
            return Line("found", f"{finding.code} {finding.message}{because}{sure}{young}", level)
        case ledger.Cleared(mended=False):
            return None
        case ledger.Cleared():
            known = story.findings.get(entry.code)
            rewound = known is not None and known.rewound
            return Line("gone", f"{entry.code} is {'gone since the rewind' if rewound else 'mended'}", "good")
        case ledger.Proposed():
            return Line("propose", f"{entry.fix.name} ({entry.code}); recorded, waits for a person")
        case ledger.ProbeAsked():
            return Line("probe", f"{entry.probe.replace('_', ' ')}, to tell the causes of {entry.code} apart")
        case ledger.TrialStarted():
            cost = f", about {seconds(entry.expected_cost_s)}" if entry.expected_cost_s else ""
            return Line("try", f"{entry.fix.name} ({entry.code}, {entry.how}{cost})")
        case ledger.Judged():
            return _verdict(entry, story)
        case ledger.Refused():
            if entry.fix.effect is Effect.NEEDS_A_PERSON:
                return Line("advise", f"{entry.fix.name} ({entry.code})")
            refused = sum(1 for one in story.interventions if one.outcome == "refused")
            return Line("leave", f"{entry.fix.name} ({entry.code}): {entry.why}") if refused <= MOST_REFUSALS else None
        case ledger.Undone():
            return Line("undone", entry.why, "warning")
        case ledger.TrainerStarted(restart=restart) if restart:
            return Line("restart", f"the trainer was started again ({restart})", "warning")
        case ledger.TrainerExited():
            return Line("exit", entry.why, "error")
        case ledger.Noted():
            return Line("note", entry.text, entry.level)
        case _:
            return None


def machine(hardware: dict[str, Any]) -> str:
    """Return the machine in one line."""
    devices = hardware.get("devices") or []
    parts = [
        f"{hardware.get('cores', '?')} cores",
        f"{hardware.get('memory_bytes', 0) / 2**30:.1f} GiB memory",
        ", ".join(devices) if devices else "no NVIDIA GPU",
        f"Python {hardware.get('python', '?')} on {hardware.get('system', '?')}",
    ]
    return " · ".join(parts)


def progress(story: Story) -> str:
    """Return where the run stands, in one line: step, losses, metric, pace, time left."""
    parts = [f"{story.step:>6,}/{story.steps_total:,}"]
    if story.loss is not None:
        parts.append(f"loss {number(story.loss)}")
    if story.evaluations:
        last = story.evaluations[-1]
        parts.append(f"val loss {number(last.loss)}")
        parts.append(_metric(last, story) + (" best" if story.best is last else ""))
    if story.samples_per_s is not None:
        parts.append(f"{rate(story.samples_per_s)}/s")
    if story.eta_s is not None and story.training_ended is None:
        parts.append(f"{seconds(story.eta_s)} left")
    return "  ".join(parts)


def glance(story: Story) -> str:
    """Return where the run stands in under 60 characters: what fits beside a bar."""
    parts = [f"{story.step:,}/{story.steps_total:,}"]
    if story.loss is not None:
        parts.append(f"loss {number(story.loss)}")
    if story.evaluations:
        parts.append(_metric(story.evaluations[-1], story))
    if story.eta_s is not None and story.training_ended is None:
        parts.append(f"{seconds(story.eta_s)} left")
    return "  ".join(parts)


def _metric(evaluated: wire.Evaluated, story: Story) -> str:
    name = story.started.task.metric if story.started else ""
    value = evaluated.metrics.get(name, float("nan"))
    return f"{name} {100 * value:.1f}%" if name in SHARES and isfinite(value) else f"{name} {number(value)}"


def _scores(evaluated: wire.Evaluated, story: Story) -> str:
    return f"{_metric(evaluated, story)} on {evaluated.examples:,} examples that no trial has seen"


def _start(started: wire.RunStarted) -> str:
    task, model = started.task, started.model
    learned = f"{len(task.classes)} classes" if task.classes else task.kind
    parts = [
        f"{model.name}, {model.parameters:,} parameters, on {started.device.name or started.device.type}",
        f"{task.train_examples:,} training and {task.val_examples:,} validation examples, {learned}",
        f"{started.steps_total:,} steps, {started.epochs:g} epochs",
    ]
    if started.trial:
        parts.append(f"built anew for {started.trial}")
    if started.resumed:
        parts.append(f"goes on at step {started.step:,}")
    return " · ".join(parts)


def _verdict(entry: ledger.Judged, story: Story) -> Line:
    known = next((one for one in reversed(story.interventions) if one.trial == entry.trial), None)
    name = f"{known.fix.name}: " if known else ""
    word, level = {
        "kept": ("keep", "good"),
        "rolled_back": ("drop", "info"),
        "undecided": ("drop", "info"),
        "applied_untried": ("apply", "warning"),
        "refused": ("leave", "info"),
    }[entry.outcome]
    bill = f" (trials so far: {entry.bill_share:.1%} of the run)" if entry.bill_share > 0 else ""
    return Line(word, f"{name}{plainly(entry.why)}{bill}", level)  # type: ignore[arg-type]
