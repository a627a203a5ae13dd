"""The report as one HTML file: no script, nothing to fetch, all of the user's text escaped."""

from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from advisor.report import places, view, words
from advisor.report.panels import Flag, timeline_panels
from advisor.report.schema import Intervention, Report

MARK_NAMES = {
    "kept": "kept",
    "rolled_back": "taken back",
    "undecided": "undecided",
    "rescued": "applied, not tried",
    "undone": "taken back later",
    "turned_back": "turned back",
    "out_of_memory": "",
    "restarted": "",
}
"""Marks that get a number on the timeline, with the word behind their text; findings have a section of their own."""
FLAGS_MOST = 40
"""More badges than this cover each other."""


@dataclass(frozen=True)
class Timeline:
    """The plot and what its numbers mean."""

    svg: Markup
    flags: tuple[tuple[Flag, str], ...]
    """Each with the word for its kind."""


def html(report: Report) -> str:
    """Return the page of a report."""
    return _template().render(report=report, timeline=_timeline(report))


def _timeline(report: Report) -> Timeline:
    from advisor.report import charts  # loads what only a drawn page needs

    marks = [mark for mark in report.timeline.get("marks", []) if mark["kind"] in MARK_NAMES][-FLAGS_MOST:]
    untried = {one.fix for one in report.interventions if one.outcome == "applied_untried"}
    flags = tuple(Flag(at, float(mark["step"]), mark["kind"], mark["text"]) for at, mark in enumerate(marks, start=1))
    spans = [(float(one["from_step"]), float(one["to_step"])) for one in report.timeline.get("trials", [])]
    panels = timeline_panels(report.timeline, report.metrics.name or "metric", report.metrics.baseline)
    label = f"Curves of the run over its steps: loss, {report.metrics.name}, learning rate, step time. {report.verdict}"
    named = tuple((flag, MARK_NAMES["rescued" if flag.text in untried else flag.kind]) for flag in flags)
    return Timeline(Markup(charts.draw(panels, flags, spans, label)), named)


@cache
def _template() -> Template:
    pages = Environment(
        loader=PackageLoader("advisor.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.globals.update(view=view, words=words, places=places, arms_plot=_arms_plot, heat_map=_heat_map)
    return pages.get_template("report.html.j2")


def _arms_plot(one: Intervention, name: str) -> Markup:
    from advisor.report import pictures

    return Markup(pictures.arms_plot(one, name))


def _heat_map(report: Report) -> Markup:
    from advisor.report import pictures

    return Markup(pictures.heat_map(report.timeline.get("layers") or {}))
