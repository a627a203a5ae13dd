"""The terminal UI around one run: what is looked at (viewer.py), and the keys that open pages or become wishes.

The first frame comes before all else: pages are imported after it, and only then does the viewer give way to the training.
"""

import gc
import os
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import SystemCommand
from textual.binding import BindingType
from textual.content import Content
from textual.screen import Screen
from textual.theme import Theme

from advisor.runs import Run
from advisor.story.story import Story
from advisor.tui import questions, words
from advisor.tui.by_hand import hand_turns
from advisor.tui.cards import Feed
from advisor.tui.care import ADVICE, ENDINGS
from advisor.tui.effects import measured_text, outcome_text
from advisor.tui.glance import Glimpse
from advisor.tui.hangup import end_with_terminal
from advisor.tui.keys import ACTIONS, KEYS
from advisor.tui.palette import commands, covered
from advisor.tui.plain import lacks_letters
from advisor.tui.questions import Question
from advisor.tui.scene import Scene
from advisor.tui.settling import load_pages, yield_to_training
from advisor.tui.themes import DEFAULTS, THEMES, first_theme, our_theme
from advisor.tui.viewer import PULL_S, Viewer
from advisor.tui.voice import Voice
from trainer.knobs import KnobValue

if TYPE_CHECKING:
    from advisor.tui.findings import FindingsPage
    from advisor.tui.pages import KnobsPage

FIRST_LOOK_S = 0.05
"""The first look waits so long for the feeder: a short run is then there at once, a long one fills in."""
SWITCH_S = 0.001
"""A key waits no longer for the thread that reads the run's files; the interpreter's own 5 ms add up over a page."""
PAGES_S = 1.0
"""After the start: the first frames come first."""
WHY_CELLS = 110
"""Numbers on the page behind `w` are not spread wider than a line that reads well."""


class AdvisorApp(Viewer):
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
        super().__init__(run, replay=replay, clock=clock, ascii_only=ascii_only)
        self.voice = Voice(run, readonly=readonly or replay is not None)
        self.overview.silent = bool(self.voice.why_silent)
        self._ended = False
        self.settle: Callable[[], None] | None = None
        """What is done once, when there is a first frame."""
        self._left = ""
        """Whether the last look found that nobody drives the run."""
        self._watched = ""
        """The trial that ran at the last look."""
        self._offered: tuple[bool, ...] = ()
        """Which of the keys for the chosen row were shown last."""
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = first_theme(None, os.environ)

    def get_theme(self, theme_name: str) -> Theme | None:
        """Know our themes from the beginning on."""
        return our_theme(theme_name) or super().get_theme(theme_name)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Give our own variables a value in every theme."""
        return DEFAULTS

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer every action in the palette, by its name."""
        yield from commands(self, screen, super().get_system_commands(screen))

    def on_mount(self) -> None:
        """Start the feeder and the looks."""
        self.feeder.start()
        self.overview.feed.focus()
        self.feeder.caught_up.wait(FIRST_LOOK_S)
        self.set_interval(PULL_S, self.look)
        self.call_after_refresh(self.look)
        self.set_timer(PAGES_S, partial(self.run_worker, load_pages, thread=True, exit_on_error=False))

    def on_unmount(self) -> None:
        """Let go of the run."""
        self.feeder.close()
        self.voice.close()

    def before_shown(self, scene: Scene) -> None:
        """Forget the wishes that the ledger has answered, and say how a trial has ended that ran before the eyes."""
        self._forget_answered(scene.story)
        watched = next((one for one in scene.story.interventions if self._watched and one.trial == self._watched), None)
        self._watched = scene.story.trial.trial if scene.story.trial is not None else ""
        if watched is not None and not watched.running and self.live:
            gain = f": {measured_text(watched.measured)}" if watched.measured else ""
            kept = watched.in_force
            said = f"{outcome_text(watched)}{gain}; {watched.why}".removesuffix("; ")
            self.notify(said, title=watched.fix.name, severity="information" if kept else "warning", timeout=12)

    def after_shown(self, seen: Glimpse) -> None:
        """Settle down after the first frame; open the report, or the last words, when the run has ended."""
        ended, self._ended = self._ended, seen.word in ENDINGS
        if self._ended and not ended and self.live and len(self.screen_stack) == 1:
            self.action_report()
        if seen.word in ADVICE and seen.word != self._left:
            self.notify(self.feeder.care.advice("d, then "), title=seen.word, severity="error", timeout=60)
        self._left = seen.word if seen.word in ADVICE else ""
        if self.settle is not None:
            settle, self.settle = self.settle, None
            settle()

    def note(self) -> str:
        """Return what a person should know about this view."""
        return super().note() or ("read-only" if self.voice.why_silent else "")

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
        """Show the keys that matter for the chosen row; the footer is made anew only where they are others."""
        offered = tuple(bool(self.check_action(action, ())) for action in ("apply", "undo", "why"))
        if offered != self._offered and self.screen_stack:  # none is left while the screens close
            self._offered = offered
            self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hide the keys that have nothing to act on; over a page only the page's own keys count, and a few of ours."""
        if covered(self):
            return action not in ACTIONS - {"detach", "help"}
        if not self.screen_stack or not self.overview.ready:
            return super().check_action(action, parameters)
        row = self.overview.feed.chosen
        match action:
            case "scrub":
                return not self.live and not self.overview.crosshair_fixed
            case "speed" | "step":
                return not self.live
            case "crosshair_move":
                return self.overview.crosshair_fixed
            case "crosshair" if parameters == (False,):
                return self.overview.crosshair_fixed
            case "apply" | "veto":
                return not self.voice.why_silent and self._waiting() != ""
            case "undo":
                return not self.voice.why_silent and row is not None and bool(row.trial or row.by_hand)
            case "why":
                return row is not None and bool(row.code)
        return super().check_action(action, parameters)

    def ask(self, question: Question) -> None:
        """Ask once; a yes becomes a wish."""
        if silent := self.voice.why_silent or (
            "the run has ended" if self._ended else self.feeder.care.advice("d, then ")
        ):
            self.notify(silent, severity="warning")
            return
        from advisor.tui.asking import Asked

        self.push_screen(Asked(question), self._answered)

    def _answered(self, question: Question | None) -> None:
        if question is None:
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
        """Return the proposal that a key answers: the chosen row's, the first of its finding, or the first that waits."""
        feed = self.overview.feed
        if feed.chosen is not None and feed.chosen.proposal:
            return feed.chosen.proposal
        waiting = [row for row in feed.rows.values() if row.proposal]
        near = [row for row in waiting if feed.chosen is not None and row.code == feed.chosen.code] or waiting
        return near[0].proposal if near else ""

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
        """Take back the chosen fix, or what was turned by hand."""
        row = self.overview.feed.chosen
        if row is None:
            return
        with self.feeder.scene() as scene:
            tried = [one for one in scene.story.interventions if row.trial and one.trial == row.trial]
            turned = [one for one in hand_turns(scene.story) if row.by_hand and one.name == row.by_hand]
        if tried:
            self.ask(questions.undo(tried[-1]))
        elif turned:
            self.ask(questions.undo_by_hand(turned[0]))

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
        self.ask(questions.stop(words.place(self.run_files.folder)))

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
        row = self.overview.feed.chosen
        if row is not None and row.code:
            self._explain(row.code)

    def on_findings_page_picked(self, event: "FindingsPage.Picked") -> None:
        """Open the page of a rule, whether it has found anything or not."""
        self._explain(event.code, event.said)

    def _explain(self, code: str, said: str = "") -> None:
        from advisor.tui.pages import WhyPage

        with self.feeder.scene() as scene:
            rows = Feed(scene.story, min(self.size.width - 6, WHY_CELLS), self.asked, self.ascii_only).rows()
        numbers = [one.prompt(opened=True) for one in rows if one.code == code]
        self.push_screen(WhyPage(code, Content("\n").join(numbers or [Content(said)])))

    def action_findings(self) -> None:
        """Open the findings: what every rule says."""
        from advisor.tui.findings import FindingsPage, finding_rows

        self.push_screen(FindingsPage("findings of every rule", partial(self._of_story, finding_rows)))

    def action_ledger(self) -> None:
        """Open the ledger."""
        from advisor.tui.pages import LedgerPage, ledger_rows

        self.push_screen(LedgerPage("ledger of fixes", partial(self._of_story, ledger_rows)))

    def action_knobs(self) -> None:
        """Open the knobs."""
        from advisor.tui.pages import KnobsPage, knob_rows

        self.push_screen(KnobsPage("knobs   Enter turns one, or tries it first", partial(self._of_story, knob_rows)))

    def action_data(self) -> None:
        """Open what is known of the data."""
        from advisor.tui.datapage import DataPage, data_page

        def said(width: int) -> Content:
            with self.feeder.scene() as scene:
                return data_page(scene.story, width, self.ascii_only)

        self.push_screen(DataPage(said))

    def _of_story(self, rows: Callable[[Story], list[tuple[str, ...]]]) -> list[tuple[str, ...]]:
        with self.feeder.scene() as scene:
            return rows(scene.story)

    def action_log(self, filtering: bool = False) -> None:
        """Open the log, at its filter when wanted."""
        from advisor.tui.logpage import LogPage

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
    sys.setswitchinterval(SWITCH_S)
    ascii_only = lacks_letters(sys.stdout.encoding or "", os.environ)
    app = AdvisorApp(run, readonly=readonly, replay=replay, ascii_only=ascii_only)
    app.theme = first_theme(app.console.color_system, os.environ)
    end_with_terminal(lambda: app.exit(0))
    gc.disable()
    app.settle = yield_to_training
    begin(app)
    return app.run() or 0
