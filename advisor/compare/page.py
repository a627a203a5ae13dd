"""A comparison for the terminal."""

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from advisor.compare import told
from advisor.compare.schema import Compared, Comparison, Difference, Quantity

STYLES = {"better": "green", "worse": "red", "no detectable difference": "", "not compared": "dim"}


def page(compared: Compared) -> RenderableType:
    """Return the whole comparison; printed without colours, it is plain text."""
    parts: list[RenderableType] = []
    for one in compared.comparisons:
        parts += _comparison(compared, one)
    if compared.problems:
        parts.append(Text("Not compared", "bold"))
        parts += [_item(problem) for problem in compared.problems]
    return Group(*parts)


def _comparison(compared: Compared, one: Comparison) -> list[RenderableType]:
    parts: list[RenderableType] = [Text(one.summary, "bold"), Text("")]
    for run in told.members(compared, one):
        seed = f", seed {run.seed}" if run.seed is not None else ""
        parts.append(_item(f"{run.name}: {told.standing(run)}{seed}", "dim"))
        parts += [Padding(_item(f"kept: {fix}", "dim"), (0, 0, 0, 2)) for fix in told.kept(run)]
    parts += [Text(""), _quantities(compared.base, one), Text("")]
    parts += [Text(told.DIRECTIONS, "dim"), *(_item(each, "dim") for each in told.noises(one))]
    for title, differences in (
        ("Configuration that differs", one.configuration),
        ("Surroundings that differ", one.surroundings),
    ):
        if differences:
            parts += [Text(""), _differences(title, compared.base, one.name, differences)]
    if one.notes:
        parts += [Text(""), Text("What we are not sure of", "bold"), *(_item(note) for note in one.notes)]
    return [*parts, Text("")]


def _quantities(base: str, one: Comparison) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("", *told.headings(base, one.name), "change"):
        table.add_column(Text(title), justify="right" if title else "left", overflow="fold", no_wrap=not title)
    table.add_column("verdict", overflow="fold")
    for each in one.quantities:
        table.add_row(
            Text(told.titled(each)),
            told.value(each, each.base),
            told.value(each, each.value),
            told.change(each),
            _verdict(each),
        )
    return table


def _verdict(one: Quantity) -> Text:
    return Text(told.verdict(one), STYLES[one.verdict])


def _differences(title: str, base: str, name: str, differences: tuple[Difference, ...]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in (title, base, name):
        table.add_column(Text(heading), overflow="fold")
    for one in differences:
        table.add_row(*(Text(cell) for cell in told.row(one)))
    return table


def _item(text: str, style: str = "") -> Padding:
    return Padding(Text(f"- {text}", style), (0, 0, 0, 1))
