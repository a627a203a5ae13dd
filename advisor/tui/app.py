"""The terminal UI around one run: it pulls from the feeder four times a second and turns keys into wishes.

Pages are imported when they are first opened: the first frame of the overview does not wait for them.
"""

import os
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import App, ComposeResult, SystemCommand
from textual.binding import BindingType
from textual.content import Content
from textual.events import Resize
from textual.screen import Screen
from textual.widgets import Footer

from advisor.runs import Run
from advisor.story import Story
from advisor.tui import questions, words
from advisor.tui.cards import Feed
from advisor.tui.chart import Chart
from advisor.tui.feeder import Feeder
from advisor.tui.glance import ENDINGS, glimpse
from advisor.tui.hangup import end_with_terminal
from advisor.tui.keys import KEYS
from advisor.tui.overview import Overview
from advisor.tui.questions import Question
from advisor.tui.themes import DEFAULTS, THEMES
from advisor.tui.voice import Voice
from trainer.knobs import KnobValue

if TYPE_CHECKING:
    from advisor.tui.pages import KnobsPage

PULL_S = 0.25
"""Four looks a second: smooth to the eye, and cheap on a machine that trains."""
CHART_LOOKS = 2
"""Charts move by a column now and then: two looks a second lose nothing, and they are the dearest thing to draw."""
QUIET_PULLS = 5
"""While rounds are timed only each fifth look is taken: the onlookers must not disturb what is measured (trials.md)."""
FIRST_LOOK_S = 0.05
"""The first look waits so long for the feeder: a short run is then there at once, a long one fills in."""
NICE = 10
"""The onlookers yield to the training."""
SWITCH_S = 0.001
"""A key waits no longer for the thread that reads the run's files; the interpreter's own 5 ms add up over a page."""
SCRUB_SHARE = 0.05
SLOWEST, FASTEST = 1 / 16, 1024.0
"""Speeds of a replay; a faster one shows nothing but its end."""
WHY_CELLS = 110
"""Numbers on the page behind `w` are not spread wider than a line that reads well."""


class AdvisorApp(App[int]):
    """The app: the overview, the pages over it, and the keys."""

    TITLE = "training-advisor"
    CSS_PATH = "app.tcss"
    BINDINGS: ClassVar[list[BindingType]] = KEYS

    def __init__(
        self,
        run: Run,
        *,
        readonly: bool = False,
        replay: float | None = None,
        clock: Callable[[], float] = time.time,
        ascii_only: bool = False,
    ) -> None:
        super().__init__()
        self.run_files = run
        self.ascii_only = ascii_only
        self.feeder = Feeder(run, replay, clock)
        self.voice = Voice(run, readonly=readonly or replay is not None)
        self.asked: dict[str, str] = {}
        """Proposal or trial → what was wished of it and is not yet answered in the ledger."""
        self.overview = Overview(ascii_only)
        self._quiet_left = 0
        self._looks = -1
        self._log_count = 0
        self._ended = False

    def compose(self) -> ComposeResult:
        """Lay out the main screen."""
        yield self.overview
        yield Footer(compact=True, show_command_palette=False)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Give our own variables a value in every theme."""
        return DEFAULTS

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer every action in the palette, by its name."""
        yield from super().get_system_commands(screen)
        for key, active in self.active_bindings.items():
            if active.node is self and active.binding.description:
                does = partial(self.run_action, active.binding.action)
                yield SystemCommand(active.binding.description, f"key {key}", does)

    def on_mount(self) -> None:
        """Start the feeder and the looks."""
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = THEMES[0].name
        self.feeder.start()
        self.overview.feed.focus()
        self.feeder.caught_up.wait(FIRST_LOOK_S)
        self.set_interval(PULL_S, self.look)
        self.call_after_refresh(self.look)

    def on_unmount(self) -> None:
        """Let go of the run."""
        self.feeder.close()
        self.voice.close()

    def on_resize(self, event: Resize) -> None:
        """Arrange the panes for the new size."""
        self.overview.place_panes(event.size)
        self.call_after_refresh(self.look)

    def look(self) -> None:
        """Take a look, unless the onlookers are to be quiet."""
        if self._quiet_left > 0:
            self._quiet_left -= 1
        elif self.is_running and self.overview.is_attached and self.overview.query("#log"):
            self._looks += 1
            self.pull(charts=self._looks % CHART_LOOKS == 0)

    def pull(self, charts: bool = True) -> None:
        """Look at the scene once and show it."""
        with self.feeder.scene() as scene:
            self._forget_answered(scene.story)
            seen = glimpse(scene, self.feeder.now_t(), self.run_files.folder.name, self._note())
            self.overview.show(scene, seen, self.asked, charts)
            trial = scene.story.trial
            log = self._fresh_log() if self.overview.log_wanted else []
        live = self.feeder.playback is None
        self._quiet_left = QUIET_PULLS - 1 if live and trial is not None and trial.how == "rounds" else 0
        self.overview.write_log(log)
        if seen.word in ENDINGS and not self._ended:
            self._ended = True
            if live and len(self.screen_stack) == 1:
                self.action_report()
        if self.feeder.failure is not None:
            said = f"the run's files can be read no further: {self.feeder.failure}. Detach and join again: d"
            self.notify(said, severity="error", timeout=60)
            self.feeder.failure = None

    def _note(self) -> str:
        playback = self.feeder.playback
        if playback is not None:
            return f"replay {playback.speed:g}x, {words.share(playback.share)}{', standing' if playback.paused else ''}"
        return "read-only" if self.voice.why_silent else ""

    def _fresh_log(self) -> list[str]:
        tail = self.feeder.trainer_log
        fresh = min(tail.count - self._log_count, len(tail.lines))
        self._log_count = tail.count
        return list(tail.lines)[-fresh:] if fresh > 0 else []

    def _forget_answered(self, story: Story) -> None:
        """Forget the wishes that the ledger has answered."""
        settled = {one.proposal for one in story.proposals.values() if one.state != "waiting"}
        settled |= {one.trial for one in story.interventions if not one.running and not one.in_force}
        for target in settled & self.asked.keys():
            del self.asked[target]
            lapsed = story.proposals.get(target)
            if lapsed is not None and lapsed.state == "lapsed":
                self.notify(f"{lapsed.fix.name}: {lapsed.why}", title="not applied", severity="warning", timeout=10)

    def on_feed_pane_chosen(self) -> None:
        """Show the keys that matter for the chosen row."""
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hide the keys that have nothing to act on; over a page only the page's own keys count, and a few of ours."""
        if len(self.screen_stack) > 1:
            ours = {name.removeprefix("action_") for name in vars(AdvisorApp) if name.startswith("action_")}
            return action not in ours - {"detach", "help"}
        if not self.screen_stack or not self.overview.is_attached or not self.overview.query("#feed"):
            return super().check_action(action, parameters)
        row = self.overview.feed.chosen
        match action:
            case "scrub" | "speed":
                return self.feeder.playback is not None
            case "apply" | "veto":
                return not self.voice.why_silent and self._waiting() != ""
            case "undo":
                return not self.voice.why_silent and row is not None and bool(row.trial)
            case "why":
                return row is not None and bool(row.code)
        return super().check_action(action, parameters)

    def ask(self, question: Question) -> None:
        """Ask once; a yes becomes a wish."""
        if silent := self.voice.why_silent or ("the run has ended" if self._ended else ""):
            self.notify(silent, severity="warning")
            return
        from advisor.tui.asking import Asked

        self.push_screen(Asked(question), partial(self._answered, question))

    def _answered(self, question: Question, agreed: bool | None) -> None:
        if not agreed:
            return
        with self.feeder.scene() as scene:
            step = scene.story.step
        if wrong := self.voice.wish(question.wish, question.target, question.turns, step):
            self.notify(wrong, severity="error")
            return
        if question.target:
            self.asked[question.target] = f"{question.yes} it"
        self.notify(f"asked the driver: {question.text.removesuffix('?')}", timeout=3)
        self.pull()
        self.refresh_bindings()

    def _waiting(self) -> str:
        """Return the proposal that a key answers: the chosen row's, its finding's, or the only one that waits."""
        feed = self.overview.feed
        if feed.chosen is not None and feed.chosen.proposal:
            return feed.chosen.proposal
        waiting = [row for row in feed.rows.values() if row.proposal]
        near = [row for row in waiting if feed.chosen is not None and row.code == feed.chosen.code] or waiting
        return near[0].proposal if len(near) == 1 else ""

    def action_apply(self) -> None:
        """Accept the fix that waits."""
        self._answer(questions.apply)

    def action_veto(self) -> None:
        """Veto the fix that waits."""
        self._answer(questions.veto)

    def _answer(self, question: Callable[..., Question]) -> None:
        with self.feeder.scene() as scene:
            proposal = scene.story.proposals.get(self._waiting())
            knobs = dict(scene.story.knobs)
        if proposal is not None:
            self.ask(question(proposal, knobs))

    def action_undo(self) -> None:
        """Take back the chosen fix."""
        row = self.overview.feed.chosen
        with self.feeder.scene() as scene:
            tried = [one for one in scene.story.interventions if row and row.trial and one.trial == row.trial]
        if tried:
            self.ask(questions.undo(tried[-1]))

    def action_freeze(self) -> None:
        """Freeze or thaw the advisor."""
        with self.feeder.scene() as scene:
            frozen = scene.story.frozen
        self.ask(questions.freeze(frozen))

    def action_pause(self) -> None:
        """Pause the run or let it go on; in a replay, stop or start the playing."""
        playback = self.feeder.playback
        if playback is not None:
            playback.turn(paused=not playback.paused)
            self.pull()
        else:
            self.ask(questions.pause(self.overview.seen.word == "paused"))

    def action_stop(self) -> None:
        """Stop the run."""
        self.ask(questions.stop(self.run_files.folder.name))

    def on_knobs_page_picked(self, event: "KnobsPage.Picked") -> None:
        """Ask for a knob's new value, then once more with its effect."""
        from advisor.tui.asking import ValueAsked

        with self.feeder.scene() as scene:
            knob, now = scene.story.catalogue.get(event.knob), scene.story.knobs.get(event.knob)
        if knob is None or now is None:
            return
        if refused := self.voice.why_silent or knob.unavailable:
            self.notify(f"{knob.name} cannot be turned here: {refused}", severity="warning")
            return

        def valued(to: KnobValue | None) -> None:
            if to is not None and to != now:
                self.ask(questions.turn(knob, now, to))

        self.push_screen(ValueAsked(knob, now), valued)

    def action_why(self) -> None:
        """Open the rule's page with this run's numbers."""
        from advisor.tui.pages import WhyPage

        row = self.overview.feed.chosen
        if row is None or not row.code:
            return
        with self.feeder.scene() as scene:
            rows = Feed(scene.story, min(self.size.width - 6, WHY_CELLS), self.asked, self.ascii_only).rows()
        numbers = [one.prompt(opened=True) for one in rows if one.code == row.code]
        self.push_screen(WhyPage(row.code, Content("\n").join(numbers)))

    def action_ledger(self) -> None:
        """Open the ledger."""
        from advisor.tui.pages import LedgerPage, ledger_rows

        self.push_screen(LedgerPage("ledger of fixes", partial(self._of_story, ledger_rows)))

    def action_knobs(self) -> None:
        """Open the knobs."""
        from advisor.tui.pages import KnobsPage, knob_rows

        self.push_screen(KnobsPage("knobs   Enter turns one", partial(self._of_story, knob_rows)))

    def _of_story(self, rows: Callable[[Story], list[tuple[str, ...]]]) -> list[tuple[str, ...]]:
        with self.feeder.scene() as scene:
            return rows(scene.story)

    def action_log(self, filtering: bool = False) -> None:
        """Open the log, at its filter when wanted."""
        from advisor.tui.pages import LogPage

        self.push_screen(LogPage(self._log_lines, filtering))

    def _log_lines(self) -> tuple[int, list[str]]:
        with self.feeder.scene():
            trainer, driver = self.feeder.trainer_log, self.feeder.driver_log
            lines = [*(f"driver   {line}" for line in driver.lines), *(f"trainer  {line}" for line in trainer.lines)]
            return trainer.count + driver.count, lines

    def action_report(self) -> None:
        """Open the report's first page."""
        from advisor.tui.endpage import ReportPage

        self.push_screen(ReportPage(self.run_files, self._instead_of_a_report))

    def _instead_of_a_report(self) -> Content:
        from advisor.tui.endpage import last_words, so_far

        with self.feeder.scene() as scene:
            log = list(self.feeder.trainer_log.lines)
            return last_words(scene, log, self.size.width - 6) if scene.story.word == "failed" else so_far(scene)

    def action_help(self) -> None:
        """Open the keys and signs."""
        from advisor.tui.help import HelpPage

        if not isinstance(self.screen, HelpPage):
            self.push_screen(HelpPage())

    def action_pane(self, name: str) -> None:
        """Show or hide a pane."""
        self.overview.toggle(name)
        self.call_after_refresh(self.look)

    def action_zoom(self) -> None:
        """Show the newest part of the charts, or everything again."""
        self.overview.zoomed = not self.overview.zoomed
        self.pull()

    def action_scale(self) -> None:
        """Turn the scale of the focused chart, else of the loss."""
        chart = self.focused if isinstance(self.focused, Chart) else self.query_one("#loss", Chart)
        self.notify(f"scale of {chart.id}: {chart.turn_scale()}", timeout=2)

    def action_scrub(self, direction: int) -> None:
        """Go back or on in a replay."""
        if self.feeder.playback is not None:
            self.feeder.seek(min(max(self.feeder.playback.share + direction * SCRUB_SHARE, 0.0), 1.0))

    def action_speed(self, factor: float) -> None:
        """Play a replay faster or slower."""
        playback = self.feeder.playback
        if playback is not None:
            playback.turn(speed=min(max(playback.speed * factor, SLOWEST), FASTEST))
            self.pull()

    def action_detach(self) -> None:
        """Close this screen; the run goes on."""
        self.exit(0)


def run_ui(
    run: Run,
    *,
    readonly: bool = False,
    replay: float | None = None,
    begin: Callable[[AdvisorApp], None] = lambda _: None,
) -> int:
    """Show a run in the terminal until the user detaches, and return the exit code.

    Args:
        run: The run directory; its trainer and driver live elsewhere and outlive this.
        readonly: Turn off every key that changes the run.
        replay: Play the recording at this multiple of its own speed instead of following it.
        begin: Called with the app before it runs; whoever writes the run's files for it starts then.
    """
    os.setpriority(os.PRIO_PROCESS, 0, max(os.getpriority(os.PRIO_PROCESS, 0), NICE))
    sys.setswitchinterval(SWITCH_S)
    ascii_only = not (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")
    app = AdvisorApp(run, readonly=readonly, replay=replay, ascii_only=ascii_only)
    end_with_terminal(lambda: app.exit(0))
    begin(app)
    return app.run() or 0
