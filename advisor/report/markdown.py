"""The report as Markdown, for a pull request or a terminal pager."""

import re
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from advisor.report import view, words
from advisor.report.schema import Report

SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&])")
"""What Markdown or the HTML in it would take for markup."""


def markdown(report: Report) -> str:
    """Return the Markdown of a report."""
    return _template().render(report=report)


def plain(text: object) -> str:
    """Return text on one line that Markdown shows as it is."""
    return SPECIAL.sub(r"\\\1", " ".join(str(text).split()))


def fenced(text: str) -> str:
    """Return text in a fence that no line of it can close."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}toml\n{text.rstrip()}\n{fence}"


@cache
def _template() -> Template:
    pages = Environment(
        loader=PackageLoader("advisor.report", "."),
        autoescape=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters.update(plain=plain, fenced=fenced)
    pages.globals.update(view=view, words=words)
    return pages.get_template("report.md.j2")
