"""The glance line: where the run stands, in one line, and how far it is."""

from dataclasses import dataclass
from math import isfinite
from typing import ClassVar

from rich.segment import Segment
from textual.content import Content
from textual.strip import Strip
from textual.widget import Widget

from advisor.tui import words
from advisor.tui.care import ENDINGS
from advisor.tui.scene import Scene

ROOMY_CELLS = 140
"""From this width the parts of the line stand wider apart."""
METRIC_CELLS = 24
"""Of a longer name only the beginning is said: nothing else would have room beside it."""
STEADY_SHARE = 0.05
"""A pace that moves by less is called steady: the beats themselves differ by some per cent."""

_LOOKS = {
    "waiting": ("…", "$muted"),
    "warming up": ("◌", "$primary"),
    "training": ("●", "$success"),
    "trying a fix": ("◐", "$accent"),
    "recovering": ("↻", "$warning"),
    "stalled": ("!", "$error"),
    "paused": ("‖", "$warning"),
    "finishing": ("◕", "$success"),
    "unwatched": ("○", "$warning"),
    "died unwatched": ("✗", "$error"),
    "folder gone": ("✗", "$error"),
    "finished": ("✓", "$success"),
    "stopped": ("■", "$warning"),
    "failed": ("✗", "$error"),
}
"""Form and colour of each state; the word is always there."""


@dataclass(frozen=True)
class Glimpse:
    """What the glance line says."""

    word: str
    step: int = 0
    steps_total: int = 0
    eta_s: float | None = None
    samples_per_s: float | None = None
    trend: float = float("nan")
    metric: str = ""
    best: float | None = None
    busy: str = ""
    mode: str = ""
    name: str = ""
    note: str = ""
    """Read-only, replay: what the person should know about this view."""

    @property
    def running(self) -> bool:
        """Tell whether steps are being taken: only then there is a pace."""
        return self.word not in (*ENDINGS, "finishing", "waiting", "paused", "stalled", "died unwatched", "folder gone")


def glimpse(scene: Scene, word: str, name: str = "", note: str = "") -> Glimpse:
    """Return what the glance line says of a run in this state."""
    story = scene.story
    metric = story.started.task.metric if story.started else ""
    best = story.best
    return Glimpse(
        word=word,
        step=story.step,
        steps_total=story.steps_total,
        eta_s=story.eta_s,
        samples_per_s=story.samples_per_s,
        trend=scene.trend,
        metric=metric,
        best=best.metrics[metric] if best else None,
        busy=_busy(scene),
        mode="frozen" if story.frozen else story.mode,
        name=name,
        note=note,
    )


def _busy(scene: Scene) -> str:
    if not scene.samples:
        return ""
    sample = scene.samples[-1]
    if sample.devices:
        return f"GPU {words.share(sample.devices[0].busy_share)}"
    return f"CPU {words.share(sample.host.busy_share)}" if sample.host else ""


def line(seen: Glimpse, width: int, ascii_only: bool = False) -> Content:
    """Return the glance line for so many cells; what matters least is left out first."""
    glyph, colour = _LOOKS.get(seen.word, ("●", "$foreground"))
    glyph = "*" if ascii_only else glyph
    parts: list[tuple[int, Content]] = [(-1, Content.assemble((f" {glyph} {seen.word}", f"bold {colour}")))]
    if seen.steps_total or seen.step:
        of = f" of {seen.steps_total:,}" if seen.steps_total else ""
        parts.append((0, Content.assemble(("step ", "$muted"), f"{seen.step:,}", (of, "$muted"))))
    if seen.running and seen.eta_s is not None and isfinite(seen.eta_s) and seen.step:
        eta = words.seconds(seen.eta_s) if seen.eta_s >= 1 else "< 1 s"
        parts.append((1, Content.assemble(("ETA ", "$muted"), eta)))
    if seen.best is not None:
        parts.append(
            (
                2,
                Content.assemble(
                    (f"best {words.short(seen.metric, METRIC_CELLS)} ", "$muted"), (words.number(seen.best), "bold")
                ),
            )
        )
    if seen.samples_per_s is not None and seen.running:
        parts.append(
            (
                4,
                Content.assemble(
                    words.rate(seen.samples_per_s), (f" samples/s{_arrow(seen.trend, ascii_only)}", "$muted")
                ),
            )
        )
    if seen.busy and seen.word not in ENDINGS:
        parts.append((5, Content.assemble((f"{seen.busy[:4]}", "$muted"), seen.busy[4:])))
    if seen.mode:
        parts.append((3, Content.assemble((seen.mode, "$accent"))))
    if seen.name:
        parts.append((6, Content.assemble((seen.name, "$muted"))))
    if seen.note:
        parts.append((1, Content.assemble((seen.note, "$warning"))))
    gap = Content.assemble(("  ·  " if width >= ROOMY_CELLS else " · ", "$faint"))
    gap = Content.assemble(("  |  " if width >= ROOMY_CELLS else " | ", "$faint")) if ascii_only else gap
    while len(parts) > 1:
        whole = gap.join(part for _, part in parts)
        if whole.cell_length <= width:
            return whole
        parts.remove(max(parts, key=lambda part: part[0]))
    return parts[0][1]


def _arrow(trend: float, ascii_only: bool) -> str:
    if not isfinite(trend):
        return ""
    if abs(trend) < STEADY_SHARE:
        return ", steady"
    faster = trend > 0
    arrow = "" if ascii_only else ("↗" if faster else "↘")
    return f", {'faster' if faster else 'slower'} {arrow}".rstrip()


class Glance(Widget):
    """The line."""

    DEFAULT_CSS = "Glance { height: 1; background: $panel; text-wrap: nowrap; }"

    def __init__(self, ascii_only: bool = False) -> None:
        super().__init__(id="glance")
        self.ascii_only = ascii_only
        self.seen = Glimpse("waiting")
        """What is shown now."""

    def show(self, seen: Glimpse) -> None:
        """Show this, unless it is there already."""
        if seen != self.seen:
            self.seen = seen
            self.refresh()

    def render(self) -> Content:
        """Return the line for the present width."""
        return line(self.seen, self.size.width, self.ascii_only)


class Progress(Widget):
    """How far the run is, as a thin line; with a crosshair on the charts, what is known of its step."""

    DEFAULT_CSS = """
    Progress {
        height: 1; text-wrap: nowrap;
        & > .progress--done { color: $primary; }
        & > .progress--left { color: $rule; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"progress--done", "progress--left"}

    def __init__(self, ascii_only: bool = False) -> None:
        super().__init__(id="progress")
        self.ascii_only = ascii_only
        self._share = 0.0
        self.told: Content | None = None
        """What is said instead of the thin line."""

    def tell(self, said: Content | None) -> None:
        """Say this instead of the thin line, or no longer."""
        if (said.markup if said else "") != (self.told.markup if self.told else ""):
            self.told = said
            self.refresh()

    def show(self, share: float) -> None:
        """Show this share, 0 to 1."""
        if share != self._share:
            self._share = share
            self.refresh()

    def render(self) -> Content:
        """Return what is said for the present width."""
        return (self.told or Content("")).truncate(self.size.width, ellipsis=True)

    def render_line(self, y: int) -> Strip:
        """Return the line."""
        width = self.size.width
        if self.told is not None:
            return super().render_line(y)
        done = round(min(max(self._share, 0.0), 1.0) * width)
        full, empty = ("=", "-") if self.ascii_only else ("━", "─")
        styles = [self.get_component_rich_style(name) for name in ("progress--done", "progress--left")]
        return Strip([Segment(full * done, styles[0]), Segment(empty * (width - done), styles[1])], width)
