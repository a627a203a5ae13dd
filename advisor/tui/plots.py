"""Turns a scene into the plots of the charts, with the marks and shades that they share."""

from textual.content import Content

from advisor.story.told import MarkKind
from advisor.tui import words
from advisor.tui.chart import Line, Mark, Plot, Scale
from advisor.tui.scene import Scene
from advisor.tui.series import Series

GLYPHS: dict[MarkKind, tuple[str, str]] = {
    "kept": ("▲", "^"),
    "rescued": ("▲", "^"),
    "rolled_back": ("▽", "v"),
    "undecided": ("▽", "v"),
    "undone": ("▽", "v"),
    "turned_back": ("◀", "<"),
    "out_of_memory": ("◆", "M"),
    "by_hand": ("✎", "@"),
    "restarted": ("↻", "R"),
}
"""Marks on the charts, as (Unicode, ASCII): interventions and what befell the run. A finding alone is no mark: it changes
nothing in the curves."""

ZOOMS = (1.0, 0.2, 0.05)
"""Shares of the run, its newest, that the zoom shows in turn: a fifth is enough to see whether the last fix helped."""

NAME_CELLS = 24
"""Of a metric with a longer name the title of its chart says the beginning: the values beside it matter more."""
NAMES = ("loss", "metric", "rate", "gradient")


class Plotter:
    """Makes the plots, all over the same steps."""

    def __init__(self, scene: Scene, shown: float, ascii_only: bool, dashed: bool = False) -> None:
        story = scene.story
        self._scene = scene
        self._last = float(max(story.step, *(branch.from_step for branch in story.abandoned), 1))
        self._first = self._last * (1 - shown)
        place = 1 if ascii_only else 0
        self._marks = tuple(Mark(mark.step, GLYPHS[mark.kind][place]) for mark in story.marks if mark.kind in GLYPHS)
        now = float(story.step)
        self._spans = tuple((first, last if last is not None else now) for first, last, _ in scene.spans)
        self._shared = (self._first, self._last, self._marks, self._spans)
        self._sign = "#" if ascii_only else "━"
        self._dashed = dashed
        """The second line of a chart is told by its form: there are no colours."""
        self._second = "-" if ascii_only else "╌" if dashed else self._sign

    def plot(self, name: str) -> Plot:
        """Return the plot of this name: loss, metric, rate or gradient."""
        return {"loss": self._loss, "metric": self._metric, "rate": self._rate, "gradient": self._gradient}[name]()

    def _plot(self, name: str, lines: tuple[Line, ...], waiting: str, *series: Series, scale: Scale = "auto") -> Plot:
        """Return a plot; `series` are those of the lines with a legend, in their order."""
        legends = [line.legend for line in lines if line.legend is not None]
        title = _title(name, *((*legend, one) for legend, one in zip(legends, series, strict=True)))
        version = (*(one.version for one in series), *self._shared, str(title))
        return Plot(
            version, title, lines, self._first, self._last, self._marks, self._spans, waiting, scale=scale, name=name
        )

    def _loss(self) -> Plot:
        curves = self._scene.curves
        ghosts = tuple(Line(branch, "ghost", smooth=True) for branch in curves.loss.abandoned)
        loss = curves.loss.all()
        train = Line(loss, "main", smooth=True, legend=(f"{self._sign} train", "$primary"))
        validation = Line(
            curves.val_loss.all(), "second", legend=(f"{self._second} validation", "$secondary"), dashed=self._dashed
        )
        lines = (*ghosts, Line(loss, "raw"), train, validation)
        return self._plot("loss", lines, "waiting for the first step", curves.loss, curves.val_loss)

    def _metric(self) -> Plot:
        curves, started = self._scene.curves, self._scene.story.started
        name = words.short(started.task.metric, NAME_CELLS) if started else "metric"
        ghosts = tuple(Line(branch, "ghost") for branch in curves.metric.abandoned)
        train = Line(curves.train_metric.all(), "main", legend=(f"{self._sign} train", "$primary"))
        validation = Line(
            curves.metric.all(), "second", legend=(f"{self._second} validation", "$secondary"), dashed=self._dashed
        )
        waiting = "waiting for the first evaluation"
        if started:
            every = self._scene.story.knobs.get("eval_every", 1.0)
            step = round(float(every) * started.steps_per_epoch) if isinstance(every, int | float) else 0
            waiting = f"waiting for step {step:,} to evaluate" if step > self._scene.story.step else waiting
        lines = (*ghosts, train, validation)
        return self._plot(name, lines, waiting, curves.train_metric, curves.metric, scale="linear")

    def _rate(self) -> Plot:
        lr = self._scene.curves.lr
        ghosts = tuple(Line(branch, "ghost") for branch in lr.abandoned)
        lines = (*ghosts, Line(lr.all(), "main", legend=("", "$primary")))
        return self._plot("learning rate", lines, "waiting for the first step", lr, scale="linear")

    def _gradient(self) -> Plot:
        norm = self._scene.curves.grad_norm
        ghosts = tuple(Line(branch, "ghost", smooth=True) for branch in norm.abandoned)
        points = norm.all()
        lines = (*ghosts, Line(points, "raw"), Line(points, "main", smooth=True, legend=("", "$primary")))
        return self._plot("gradient norm", lines, "waiting for the first step", norm)


def _title(name: str, *legend: tuple[str, str, Series]) -> Content:
    pieces: list[Content] = [Content.assemble((name, "bold"))]
    for label, colour, series in legend:
        if series.version:
            value = words.number(series.last)
            broken = value in ("NaN", "∞", "-∞")
            pieces.append(
                Content.assemble(
                    (f"{label} " if label else "", colour), (value, "bold $error" if broken else "$foreground")
                )
            )
    return Content("  ").join(pieces)
