"""The report's first page, as soon as there is one; before that, what can be said so far; after a crash, its last words."""

import re
from collections.abc import Callable, Mapping
from math import isfinite, isnan
from pathlib import Path

from pydantic import ValidationError
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from advisor.report.schema import Intervention, Report
from advisor.report.words import plural
from advisor.runs import Run
from advisor.story.story import Story
from advisor.tui import words
from advisor.tui.effects import measured_text, turns_text
from advisor.tui.pages import PULL_S, Page
from advisor.tui.scene import Scene
from rules.vocabulary import Value
from trainer import wire

LABEL_CELLS = 12
BAR_CELLS = 28
OUTCOMES = {
    "kept": "kept",
    "rolled_back": "taken back",
    "undecided": "not kept",
    "applied_untried": "applied, not tried",
    "refused": "not tried",
}
SIDE_CELLS = 6
"""Of the page: its margins and the scroll bar."""
SHOWN = 8
"""Findings and fixes on the first page; the rest is in report.html."""


def read_report(run: Run) -> Report | None:
    """Return the report of a run; nothing when it is not there yet, or of a form that this version does not know."""
    try:
        return Report.model_validate_json(run.report.read_bytes())
    except (OSError, ValidationError):
        return None


def first_page(report: Report, folder: str, width: int) -> Content:
    """Return the report's first page, `width` cells wide; what is longer goes on under its own beginning."""
    lines = [
        Content.assemble((report.verdict, "bold")),
        _row("why", report.why),
        _row("next", report.next),
        Content(""),
        *_metrics(report),
        *_time(report.time),
        *_interventions(report.interventions),
        *_findings(report),
        Content(""),
        _row("in full", _in_full(report, folder)),
    ]
    return Content("\n").join(part for line in lines for part in _hung(line, width))


def _in_full(report: Report, folder: str) -> str:
    """Return where all of the report is; that of a log is only made when it is asked for."""
    if report.run.get("state") == "read":
        return f"advisor diagnose {report.run['path']} --format html --out FILE"
    return f"{folder}/report.html"


def _row(label: str, *parts: str | tuple[str, str]) -> Content:
    shown = words.short(label, BAR_CELLS)
    return Content.assemble((f"{shown:<{LABEL_CELLS - 1}} ", "$muted"), *parts)


def _hung(line: Content, width: int) -> list[Content]:
    """Break a row at the width; what follows stands under its text, not under its label."""
    if line.cell_length <= width:
        return [line]
    label, text = line.divide([0, LABEL_CELLS])[1:] if line.plain[:LABEL_CELLS].endswith(" ") else (Content(""), line)
    room = max(width - label.cell_length, LABEL_CELLS)
    blank = Content(" " * label.cell_length)
    return [(blank if place else label) + part.rstrip() for place, part in enumerate(text.wrap(room))]


def _head(text: str) -> list[Content]:
    return [Content(""), Content.assemble((text, "bold $primary"))]


def _metrics(report: Report) -> list[Content]:
    metrics = report.metrics
    noise = f" ± {words.number(metrics.standard_error, 2)}" if metrics.standard_error is not None else ""
    said = [
        (name, value)
        for name, value in (("best", metrics.best), ("final", metrics.final), ("test", metrics.test))
        if value is not None
    ]
    if not said:
        return [_row(metrics.name, "was never measured")]
    parts = "   ".join(f"{name} {words.number(value)}" for name, value in said)
    guess = "" if isnan(metrics.baseline) else f"   a constant predictor: {words.number(metrics.baseline)}"
    return [_row(metrics.name, parts, (f"{noise}{guess}", "$muted"))]


def _time(time: Mapping[str, float]) -> list[Content]:
    parts = {part: spent for part, spent in time.items() if part != "total" and isfinite(spent) and spent > 0}
    total = time.get("total") or sum(parts.values())
    if not parts or total <= 0:
        return []
    lines = _head(f"where {words.seconds(total)} went")
    for part, spent in sorted(parts.items(), key=lambda item: -item[1]):
        if spent / total >= 0.005:
            cells = max(round(spent / total * BAR_CELLS), 1)
            lines.append(
                _row(
                    part.replace("_", " "),
                    f"{words.share(spent / total):>5}  ",
                    ("━" * cells, "$primary"),
                    (f"  {words.seconds(spent)}", "$muted"),
                )
            )
    return lines


def _interventions(interventions: tuple[Intervention, ...]) -> list[Content]:
    done = [one for one in interventions if one.outcome != "refused"]
    if not done:
        return [*_head("fixes"), Content.assemble(("none was tried", "$muted"))]
    lines = _head("fixes")
    for one in done[:SHOWN]:
        outcome = "undone" if one.undone else OUTCOMES[one.outcome]
        gain = f": {measured_text(one.measured)}" if one.measured else ""
        turned = turns_text(_side(one, "new"), _side(one, "old"))
        colour = "$success" if outcome in ("kept", "applied, not tried") else "$muted"
        lines.append(_row(f"step {one.step:,}", (outcome, colour), gain, "  ", one.fix, (f"  {turned}", "$muted")))
    return lines


def _side(one: Intervention, side: str) -> dict[str, Value]:
    return {knob: held for knob, turned in one.turns.items() if (held := turned.get(side)) is not None}


def _findings(report: Report) -> list[Content]:
    if not report.findings:
        return [*_head("findings"), Content.assemble((f"none; {len(report.passed)} rules passed", "$muted"))]
    lines = _head("findings")
    for one in report.findings[:SHOWN]:
        state = "mended" if one.mended else one.role
        young = ", in the nursery" if one.nursery else ""
        lines.append(_row(one.code, one.message, (f"  {state}, {one.severity.value}{young}", "$muted")))
    more = len(report.findings) - SHOWN
    return [*lines, Content.assemble((f"and {more} more", "$muted"))] if more > 0 else lines


def so_far(scene: Scene) -> Content:
    """Return what can be said before there is a report."""
    story = scene.story
    said = (Content.assemble(("the report is written when the run ends", "bold")), Content("so far:"))
    lines = [*said]
    if story.best is not None and story.started is not None:
        name = story.started.task.metric
        lines.append(_row(name, f"best {words.number(story.best.metrics[name])} at step {story.best.step:,}"))
    spent = story.seconds
    lines += _time(spent | {"total": sum(spent.values())})
    if len(lines) == len(said):
        lines.append(Content.assemble(("nothing yet: no step was taken", "$muted")))
    return Content("\n").join(lines)


def last_words(scene: Scene, log: list[str], width: int) -> Content:
    """Return the end of a run that failed: why, its traceback, its last events; of a mistake, only what to mend."""
    story = scene.story
    if story.ended is not None and story.ended.why == "mistake":
        mend = "mend it, then start the run again; d leaves this screen"
        return Content("\n").join(
            [
                Content.assemble(("the run could not begin", "bold $error")),
                Content(story.ended.text),
                Content(""),
                Content.assemble((mend, "$muted")),
            ]
        )
    why = story.exits[-1].why if story.exits else (story.ended.text if story.ended else "")
    trace = shortened(traceback_of(log)) or list(story.exits[-1].last_lines if story.exits else ())
    failed = "the trainer failed"
    lines = [
        Content.assemble(
            (failed, "bold $error"), why.removeprefix(failed) if why.startswith(failed) else f": {why}" if why else ""
        )
    ]
    lines += [*_head("traceback"), *(Content(line) for line in trace or ["the trainer left none"])]
    lines += [
        *_head(f"the last {plural(len(scene.last_events), 'event')}"),
        *(_event(one, story).truncate(width, ellipsis=True) for one in reversed(scene.last_events)),
    ]
    return Content("\n").join(lines)


def traceback_of(log: list[str]) -> list[str]:
    """Return the last traceback of a log, or nothing."""
    starts = [place for place, line in enumerate(log) if line.startswith("Traceback (most recent call last)")]
    return log[starts[-1] :] if starts else []


def shortened(trace: list[str]) -> list[str]:
    """Return a traceback with what a user can mend: frames of ours and of libraries are counted, not shown.

    One that has no other frames stays whole.
    """
    kept: list[str] = []
    left_out, theirs = 0, False
    for line in trace[1:]:
        if frame := re.match(r'  File "(.+)", line \d+', line):
            theirs = not _LIBRARY.search(frame[1]) and not Path(frame[1]).is_relative_to(_OURS)
            left_out += not theirs
        elif not line.startswith("    "):
            theirs = True
        if theirs and line.strip(" ^~"):
            if left_out:
                kept.append(
                    f"  … {plural(left_out, 'frame')} of the trainer and of libraries: Esc, then o shows the log"
                )
                left_out = 0
            kept.append(line)
    return [*trace[:1], *kept] if any(line.startswith("  File") for line in kept) else trace


_LIBRARY = re.compile(r"[/\\](site-packages|dist-packages)[/\\]|^<frozen |[/\\]lib[/\\]python3")
_OURS = Path(wire.__file__).parent
"""Where frames lie that tell a user nothing."""


def _event(event: wire.Event, story: Story) -> Content:
    if isinstance(event, wire.BeatTaken):
        last = [(name, held[-1]) for name, held in (("loss", event.loss), ("gradient", event.grad_norm)) if held]
        told: dict[str, object] = {"steps": event.steps, "lr": event.lr, **dict(last)}
    else:
        told = event.model_dump(exclude={"t", "step", "samples", "kind", "pid", "pid_started", *_unmeasured(event)})
    scalars = {name: one for name, one in told.items() if isinstance(one, bool | int | float | str) and one != ""}
    said = "  ".join(f"{name.replace('_', ' ')} {words.value(one)}" for name, one in scalars.items())
    age_s = event.t - story.last_t
    return Content.assemble(
        (f"{age_s:>9.2f} s  step {event.step:>7,}  ", "$muted"),
        event.kind.replace("_", " "),
        (f"  {said}", "$muted"),
    )


def _unmeasured(event: wire.Event) -> list[str]:
    """Return the fields that nobody has measured: NaN by default, and still so. A loss of NaN is not among them."""
    held = {name: (field.default, getattr(event, name)) for name, field in type(event).model_fields.items()}
    return [name for name, both in held.items() if all(isinstance(one, float) and isnan(one) for one in both)]


class ReportPage(Page):
    """The page; it fills itself as soon as the report lies in the run directory."""

    DEFAULT_CSS = (
        "ReportPage VerticalScroll { padding: 1 2; scrollbar-size-vertical: 1; } ReportPage Static { height: auto; }"
    )

    def __init__(self, run: Run, said: Callable[[], Content]) -> None:
        super().__init__("report")
        self._run = run
        self._said = said
        self._shown = ""

    def body(self) -> ComposeResult:
        """Yield the text."""
        with VerticalScroll():
            yield Static("", id="page")

    def on_mount(self) -> None:
        """Show what there is and look again until the report is there."""
        self.query_one(VerticalScroll).focus()
        self.pull()
        self.set_interval(PULL_S, self.pull)

    def pull(self) -> None:
        """Show the report, or what can be said instead of it."""
        report = read_report(self._run)
        width = self.size.width - SIDE_CELLS
        said = first_page(report, str(self._run.folder), width) if report else self._said()
        if said.plain != self._shown:
            self._shown = said.plain
            self.query_one("#page", Static).update(said)
