"""The half of the terminal UI that only looks: it pulls from the feeder four times a second, and turns keys into views.

Nothing here writes to the run.
"""

import time
from collections.abc import Callable, Sequence

from textual.app import App, ComposeResult
from textual.events import Event, Key, Resize
from textual.filter import LineFilter
from textual.notifications import SeverityLevel
from textual.widgets import Footer

from advisor.runs import Run
from advisor.tui import words
from advisor.tui.alarm import Alarm, critical
from advisor.tui.chart import Chart
from advisor.tui.feeder import Feeder
from advisor.tui.glance import Glimpse, glimpse
from advisor.tui.overview import Overview
from advisor.tui.plain import Harmless, Plain
from advisor.tui.plots import ZOOMS
from advisor.tui.scene import Scene

PULL_S = 0.25
"""Four looks a second: smooth to the eye, and cheap on a machine that trains."""
CHART_LOOKS = 2
"""Charts move by a column now and then: two looks a second lose nothing, and they are the dearest thing to draw."""
QUIET_PULLS = 5
"""While rounds are timed only each fifth look is taken: the onlookers must not disturb what is measured (trials.md)."""
SCRUB_SHARE = 0.05
SLOWEST, FASTEST = 1 / 16, 1024.0
"""Speeds of a replay; a faster one shows nothing but its end."""


class Viewer(App[int]):
    """The overview, fed from the run's files, and the keys that change what is looked at."""

    def __init__(
        self, run: Run, *, replay: float | None = None, clock: Callable[[], float] = time.time, ascii_only: bool = False
    ) -> None:
        super().__init__()
        self.run_files = run
        self.ascii_only = ascii_only
        self.feeder = Feeder(run, replay, clock)
        self.asked: dict[str, str] = {}
        """Proposal or trial → what was wished of it and is not yet answered in the ledger."""
        self.overview = Overview(ascii_only)
        self.alarm = Alarm()
        self._last_filters = (Harmless(), *((Plain(),) if ascii_only else ()))
        self._quiet_left = 0
        self._looks = -1
        self._log_count = 0

    def compose(self) -> ComposeResult:
        """Lay out the main screen."""
        yield self.overview
        yield Footer(compact=True, show_command_palette=False)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return what every line goes through on its way out; the last one leaves only letters that the terminal has."""
        return [*super().get_line_filters(), *self._last_filters]

    async def on_event(self, event: Event) -> None:
        """Let a key have its effect before more of the run is read."""
        if isinstance(event, Key):
            self.feeder.give_way()
        await super().on_event(event)

    def on_resize(self, event: Resize) -> None:
        """Arrange the panes for the new size."""
        self.overview.place_panes(event.size)
        self.call_after_refresh(self.look)

    @property
    def live(self) -> bool:
        """Tell whether the run is followed as it goes, not replayed."""
        return self.feeder.playback is None

    def look(self) -> None:
        """Take a look, unless the onlookers are to be quiet."""
        if self._quiet_left > 0:
            self._quiet_left -= 1
        elif self.is_running and self.overview.ready:
            self._looks += 1
            self.pull(charts=self._looks % CHART_LOOKS == 0)

    def pull(self, charts: bool = True) -> None:
        """Look at the scene once and show it."""
        with self.feeder.scene() as scene:
            self.before_shown(scene)
            word = self.feeder.care.word(scene.story, self.feeder.now_t())
            seen = glimpse(scene, word, self.run_files.folder.name, self.note())
            self.overview.show(scene, seen, self.asked, charts)
            trial = scene.story.trial
            rings = self.live and self.feeder.caught_up.is_set() and self.alarm.rings(critical(scene.story, seen.word))
            log = self._fresh_log() if self.overview.log_wanted else []
        self._quiet_left = QUIET_PULLS - 1 if self.live and trial is not None and trial.how == "rounds" else 0
        self.overview.write_log(log)
        self.after_shown(seen)
        if rings:
            self.bell()
        if self.feeder.failure is not None:
            said = f"the run's files can be read no further: {self.feeder.failure}. Detach and join again: d"
            self.notify(said, severity="error", timeout=60)
            self.feeder.failure = None

    def before_shown(self, scene: Scene) -> None:
        """Take note of what has come in, while the scene is held."""

    def after_shown(self, seen: Glimpse) -> None:
        """Do what the state on the screen asks for."""

    def note(self) -> str:
        """Return what a person should know about this view."""
        playback = self.feeder.playback
        if playback is None:
            return ""
        speed = f"{playback.speed:g}" if playback.speed >= 1 else f"1/{1 / playback.speed:g}"
        return f"replay {speed}x, {words.share(playback.share)}{', standing' if playback.paused else ''}"

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Say something in a corner; names and reasons in it are the user's, so that brackets are only brackets."""
        super().notify(message, title=title, severity=severity, timeout=timeout, markup=markup)

    def _fresh_log(self) -> list[str]:
        tail = self.feeder.trainer_log
        fresh = min(tail.count - self._log_count, len(tail.lines))
        self._log_count = tail.count
        return list(tail.lines)[-fresh:] if fresh > 0 else []

    # ------------------------------------------------------------ what is looked at

    def action_pane(self, name: str) -> None:
        """Show or hide a pane."""
        self.overview.toggle(name)
        self.call_after_refresh(self.look)

    def action_zoom(self) -> None:
        """Show the newest part of the charts, a smaller one, or everything again."""
        self.overview.zoom = (self.overview.zoom + 1) % len(ZOOMS)
        self.pull()
        share = ZOOMS[self.overview.zoom]
        self.notify(f"charts: {'the whole run' if share == 1 else f'the newest {words.share(share)}'}", timeout=2)

    def action_scale(self) -> None:
        """Turn the scale of the focused chart, else of the loss."""
        chart = self.focused if isinstance(self.focused, Chart) else self.query_one("#loss", Chart)
        self.notify(f"scale of {chart.id}: {chart.turn_scale()}", timeout=2)

    def action_crosshair(self, on: bool = True) -> None:
        """Put a crosshair on the newest step of all charts, or take it away."""
        with self.feeder.scene() as scene:
            step = float(scene.story.step)
        shown = on and not self.overview.crosshair_fixed
        self._point(step if shown else None, fixed=shown)

    def action_crosshair_move(self, cells: int) -> None:
        """Move the crosshair by so many cells."""
        self.overview.move_crosshair(cells)
        self.pull(charts=False)

    def on_chart_pointed(self, event: Chart.Pointed) -> None:
        """Follow the mouse; a click fixes the crosshair, and a second one lets it go."""
        if event.fixed:
            let_go = self.overview.crosshair_fixed and event.step is not None
            self._point(event.step, fixed=not let_go)
        elif not self.overview.crosshair_fixed:
            self._point(event.step, fixed=False)

    def _point(self, step: float | None, fixed: bool) -> None:
        before = self.overview.crosshair_fixed
        self.overview.point(step, fixed)
        self.pull(charts=False)
        if self.overview.crosshair_fixed != before:
            self.refresh_bindings()

    # ------------------------------------------------------------ replay

    def action_scrub(self, direction: int) -> None:
        """Go back or on in a replay."""
        if self.feeder.playback is not None:
            self.feeder.seek(min(max(self.feeder.playback.share + direction * SCRUB_SHARE, 0.0), 1.0))

    def action_step(self, direction: int) -> None:
        """Stop a replay and go to its next record, or the one before."""
        self.feeder.step(direction)

    def action_speed(self, factor: float) -> None:
        """Play a replay faster or slower."""
        playback = self.feeder.playback
        if playback is not None:
            playback.turn(speed=min(max(playback.speed * factor, SLOWEST), FASTEST))
            self.pull()
