"""The crosshair: one step on all charts, what each line has there, and what was done there."""

from dataclasses import dataclass

import numpy as np
from textual.content import Content

from advisor.story.told import MarkKind
from advisor.tui import words
from advisor.tui.effects import outcome_text
from advisor.tui.scene import Scene
from advisor.tui.series import Points

DONE: dict[MarkKind, str] = {
    "found": "found",
    "kept": "kept",
    "rescued": "rescued",
    "rolled_back": "taken back",
    "undecided": "not kept",
    "undone": "undone",
    "turned_back": "turned back",
    "out_of_memory": "out of memory",
    "restarted": "restarted",
    "by_hand": "turned by hand",
}
"""What a mark says of its text."""


@dataclass(frozen=True)
class Value:
    """What a line has near a step."""

    step: float
    """Where it was measured."""
    value: float
    """NaN where it was not finite there."""


def value_at(points: Points, step: float) -> Value | None:
    """Return the slot of [N] points that lies nearest to a step; nothing where there is none."""
    if not len(points):
        return None
    after = min(int(np.searchsorted(points.x, step, "left")), len(points) - 1)
    before = max(after - 1, 0)
    place = before if step - points.x[before] < points.x[after] - step else after
    return Value(float(points.x[place]), float(points.mean[place]))


def told_at(scene: Scene, step: float, reach: float, ascii_only: bool = False) -> Content:
    """Return what is known of a step in one line: its epoch, what was done within `reach` steps of it, the trial it lies in."""
    story = scene.story
    parts = [Content.assemble(("step ", "$muted"), (f"{step:,.0f}", "bold"))]
    if story.started is not None and story.started.steps_per_epoch:
        parts.append(Content.assemble(("epoch ", "$muted"), f"{step / story.started.steps_per_epoch:.2f}"))
    names = {one.trial: f"{one.fix.name} ({outcome_text(one)})" for one in story.interventions if one.trial}
    for first, last, trial in scene.spans:
        if first <= step <= (last if last is not None else story.step):
            parts.append(Content.assemble(("in the trial of ", "$muted"), (names.get(trial, trial), "$accent")))
    for mark in story.marks:
        if abs(mark.step - step) <= reach:
            at = f"{DONE[mark.kind]} at {mark.step:,}: "
            parts.append(
                Content.assemble((at, "$muted"), (mark.text.removeprefix(f"{DONE[mark.kind]} at "), "$accent"))
            )
    arrows = "<- -> move it, Esc takes it away" if ascii_only else "← → move it, Esc takes it away"
    parts.append(Content.assemble((arrows, "$faint")))
    return Content.assemble(" ", Content(" | " if ascii_only else " · ").join(parts))


def legend_at(label: str, colour: str, value: Value, smooth: float | None, step: float, reach: float) -> Content:
    """Return what one line says at a step: its value, the smoothed one behind it, and where it was measured if elsewhere."""
    broken = value.value != value.value
    pieces: list[str | tuple[str, str]] = [
        (f"{label} " if label else "", colour),
        (words.number(value.value), "bold $error" if broken else "bold $foreground"),
    ]
    if smooth is not None and smooth == smooth:
        pieces.append((f" ~{words.number(smooth)}", "$muted"))
    if abs(value.step - step) > reach:
        pieces.append((f" at {value.step:,.0f}", "$muted"))
    return Content.assemble(*pieces)
