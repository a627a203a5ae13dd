"""The overview: all panes of the main screen, arranged by the size of the terminal."""

from collections.abc import Mapping

from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.geometry import Size
from textual.widgets import Log

from advisor.tui.cards import Feed, nothing_yet, summary
from advisor.tui.care import ENDINGS
from advisor.tui.chart import Chart
from advisor.tui.crosshair import told_at
from advisor.tui.feed_pane import FeedPane
from advisor.tui.glance import Glance, Glimpse, Progress
from advisor.tui.machine import Machine, rows
from advisor.tui.plots import NAMES, ZOOMS, Plotter
from advisor.tui.scene import Scene
from advisor.tui.steptime import StepTime
from advisor.tui.themes import MONOCHROME

MEDIUM_CELLS, MEDIUM_ROWS = 110, 34
WIDE_CELLS, WIDE_ROWS = 170, 44
"""Sizes from which more panes fit without crowding."""
TALL_ROWS = 44
"""From these on a narrow terminal has room for a second chart below the first, and for the machine below the feed."""
PANES = ("loss", "metric", "rate", "gradient", "machine", "feed", "log")
"""In the order of their number keys."""
SHOWN: Mapping[str, frozenset[str]] = {
    "compact": frozenset({"loss", "feed"}),
    "tall": frozenset({"loss", "metric", "feed", "machine"}),
    "medium": frozenset({"loss", "metric", "rate", "gradient", "feed", "machine"}),
    "wide": frozenset(PANES),
}
"""The panes that are shown at a size unless the user has said otherwise."""
LOG_LINES = 1000
"""Lines kept in the little log pane; the log page has more."""


class Overview(Container):
    """The panes. Each is handed what it shows and draws only when that has changed."""

    def __init__(self, ascii_only: bool = False) -> None:
        super().__init__(id="overview", classes="compact")
        self.ascii_only = ascii_only
        self.zoom = 0
        """Which share of the run, its newest, the charts show."""
        self.crosshair: float | None = None
        """The step that all charts point at."""
        self.crosshair_fixed = False
        """It stays where it is when the mouse moves on."""
        self.form = "compact"
        self.asked_for: dict[str, bool] = {}
        """Panes that the user has shown or hidden."""
        self._seen: tuple[object, ...] = ()
        self._told: tuple[object, ...] = ()
        """What the feed was last made from."""
        self._printed = False
        self.silent = False
        """The viewer is read-only: the feed names no key that changes the run."""
        self.feed = FeedPane()
        """The advisor feed."""
        self._log = Log(id="log", max_lines=LOG_LINES, classes="pane")
        self._log.border_title = "log"
        self._terminal = Size(80, 24)

    def compose(self) -> ComposeResult:
        """Lay out the panes; app.tcss gives them their places."""
        yield Glance(self.ascii_only)
        yield Progress(self.ascii_only)
        yield StepTime(self.ascii_only)
        with Container(id="body"):
            with Container(id="charts"):
                for name in NAMES:
                    yield Chart(ascii_only=self.ascii_only, id=name, classes="pane")
            with Container(id="side"):
                yield self.feed
                yield Machine()
        yield self._log

    @property
    def ready(self) -> bool:
        """Tell whether all panes are there."""
        return self.is_attached and self.feed.is_attached and self._log.is_attached

    @property
    def seen(self) -> Glimpse:
        """What the glance line says now."""
        return self.query_one(Glance).seen

    @property
    def log_wanted(self) -> bool:
        """Tell whether the log pane is on the screen, or would be if there were lines for it."""
        return self.asked_for.get("log", "log" in SHOWN[self.form])

    def place_panes(self, size: Size) -> None:
        """Choose the form for this size of the terminal and put the panes in their places."""
        self._terminal = size
        wide = size.width >= WIDE_CELLS and size.height >= WIDE_ROWS
        medium = size.width >= MEDIUM_CELLS and size.height >= MEDIUM_ROWS
        tall = size.height >= TALL_ROWS
        self.form = "wide" if wide else "medium" if medium else "tall" if tall else "compact"
        style = "compact" if self.form == "tall" else self.form
        if not self.has_class(style):  # each change of a class styles all panes anew
            self.set_classes(style)
        for name in PANES:
            fits = name in SHOWN[self.form] and (name != "log" or self._printed)
            self.query_one(f"#{name}").display = self.asked_for.get(name, fits)
        charts = sum(bool(self.query_one(f"#{name}").display) for name in NAMES)
        place = self.query_one("#charts")
        place.display = charts > 0
        place.set_class(charts == 1 or (charts == 2 and self.form == "tall"), "single")
        self.query_one("#side").display = any(self.query_one(f"#{name}").display for name in ("feed", "machine"))

    def toggle(self, name: str) -> None:
        """Show or hide a pane."""
        self.asked_for[name] = not self.query_one(f"#{name}").display
        self.place_panes(self._terminal)

    def show(self, scene: Scene, seen: Glimpse, asked: Mapping[str, str], charts: bool = True) -> None:
        """Hand every visible pane what it shows, the charts only if wanted; nothing is done where nothing has come in."""
        self.query_one(Glance).show(seen)
        feed = self.feed
        dashed = self.ascii_only or self.app.no_color or self.app.theme == MONOCHROME.name
        key = (
            id(scene),
            scene.version,
            self.zoom,
            self.crosshair,
            tuple(asked),
            self.size,
            feed.size,
            tuple(self.asked_for.items()),
            dashed,
        )
        if key == self._seen:
            return
        self._seen = key if charts else ()
        story = scene.story
        self.query_one(Progress).show(story.step / story.steps_total if story.steps_total else 0.0)
        self._tell_crosshair(scene)
        self.query_one(StepTime).show(scene.recent_step_s, scene.phases)
        if charts:
            plotter = Plotter(scene, ZOOMS[self.zoom], self.ascii_only, dashed)
            for chart in self.query(Chart):
                if chart.display and chart.id is not None:
                    chart.show(plotter.plot(chart.id))
        panel = self.query_one(Machine)
        if panel.display:
            title = "machine, when the run ended" if seen.word in ENDINGS else "machine"
            panel.show(rows(scene, self.ascii_only), title)
        told = (id(scene), scene.tale_version, tuple(asked.items()), feed.size)
        if feed.display and (told != self._told or not feed.rows):
            self._told = told
            listed = Feed(story, feed.size.width - 3, asked, self.ascii_only).rows()
            headline = Content.assemble(("advisor", "bold"), f"  {summary(story, self.silent)}" if listed else "")
            feed.show(listed, headline, nothing_yet(story))

    def point(self, step: float | None, fixed: bool) -> None:
        """Put the crosshair on a step in every chart, or take it away."""
        self.crosshair, self.crosshair_fixed = step, fixed and step is not None
        for chart in self.query(Chart):
            chart.point(step)

    def move_crosshair(self, cells: int) -> None:
        """Move the crosshair by so many cells of the widest chart, within the steps that it shows."""
        charts = [one for one in self.query(Chart) if one.display and one.cell_steps]
        if self.crosshair is None or not charts:
            return
        finest = min(charts, key=lambda one: one.cell_steps)
        first, last = finest.steps
        self.point(min(max(self.crosshair + cells * finest.cell_steps, first), last), fixed=True)

    def _tell_crosshair(self, scene: Scene) -> None:
        told = None
        if self.crosshair is not None:
            reach = max((one.cell_steps for one in self.query(Chart)), default=0.0)
            told = told_at(scene, self.crosshair, reach, self.ascii_only)
        self.query_one(Progress).tell(told)

    def write_log(self, lines: list[str]) -> None:
        """Add lines to the log pane, in bulk; its first ones bring the pane itself."""
        if lines:
            self._log.write_lines(lines)
            if not self._printed:
                self._printed = True
                self.place_panes(self._terminal)
