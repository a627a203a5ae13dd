"""The diagnosis of logs as Markdown and as one HTML file: no script, nothing to fetch, all that is logged escaped."""

import re
from functools import cache

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from advisor.logs import compare
from advisor.logs.diagnose import Diagnosed
from advisor.report import words
from advisor.report.markdown import plain
from advisor.report.panels import timeline_panels
from advisor.report.schema import Report

OPTION = re.compile(r"--[a-z][a-z-]*")


def html(diagnosed: Diagnosed) -> str:
    """Return the page of a diagnosis; it works from disk."""
    return _template("logs.html.j2", escapes=True).render(told=diagnosed, compare=compare, words=words, chart=_chart)


def markdown(diagnosed: Diagnosed) -> str:
    """Return the Markdown of a diagnosis."""
    return _template("logs.md.j2", escapes=False).render(told=diagnosed, compare=compare, words=words)


def _chart(run: Report, name: str) -> Markup:
    from advisor.report import charts  # loads what only a drawn page needs

    panels = timeline_panels(run.timeline, run.metrics.name or "metric", run.metrics.baseline)
    label = f"Curves of the log: loss, {run.metrics.name or 'metric'}, learning rate. {run.verdict}"
    return Markup(charts.draw(panels, (), (), label, name=name, unit="epoch" if run.run["axis"] == "epoch" else "step"))


@cache
def _template(name: str, *, escapes: bool) -> Template:
    pages = Environment(
        loader=ChoiceLoader([PackageLoader("advisor.logs", "."), PackageLoader("advisor.report", ".")]),
        autoescape=escapes,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters["plain"] = plain
    pages.filters["code"] = _code
    pages.filters["whole"] = _whole
    return pages.get_template(name)


def _whole(text: str) -> Markup:
    """Return text, escaped, in which an option of the command line is not broken at its hyphens."""
    return Markup(OPTION.sub(r'<span class="whole">\g<0></span>', str(escape(text))))


def _code(text: str) -> str:
    """Return text in a fence of Markdown; our own lines hold no backtick."""
    return f"```python\n{text}\n```"
