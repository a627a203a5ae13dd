"""A comparison as Markdown, for a pull request."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from advisor.compare import told
from advisor.compare.schema import Compared
from advisor.report.markdown import plain


def markdown(compared: Compared) -> str:
    """Return the Markdown of a comparison."""
    return _template().render(compared=compared, told=told)


@cache
def _template() -> Template:
    pages = Environment(
        loader=PackageLoader("advisor.compare", "."),
        autoescape=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters["plain"] = plain
    return pages.get_template("comparison.md.j2")
