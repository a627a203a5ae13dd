"""The diagnosis of logs in the terminal: three lines, what stands, what to change, what nobody could say."""

from collections import defaultdict

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from advisor.logs.compare import different_settings, rows
from advisor.logs.diagnose import Diagnosed
from advisor.logs.telling import GROUP_WORDS
from advisor.report.schema import Report
from advisor.report.words import expected, plural, score

STYLES = {"error": "bold red", "warning": "yellow", "info": "cyan", "none": "green"}
DETAILED_MOST = 8
"""Runs told one by one; of more, the list."""
ADVICE_MOST = 4
LEFT_OUT_MOST = 10
NEVER_LOGGED = frozenset(GROUP_WORDS.values()) - {GROUP_WORDS[one] for one in ("loss", "validation", "task")}
"""What no log of curves holds, whoever wrote it."""


def page(diagnosed: Diagnosed) -> RenderableType:
    """Return what is printed: a list where there are several runs, then each run."""
    parts: list[RenderableType] = []
    if len(diagnosed.runs) > 1:
        parts += [_list(diagnosed), *_settings(diagnosed)]
    shown = diagnosed.runs if len(diagnosed.runs) <= DETAILED_MOST else ()
    parts += [_run(run) for run in shown]
    if not shown:
        parts.append(Text("Name one of them to read its diagnosis.", "dim"))
    return Group(*parts, *_left_out(diagnosed))


def _left_out(diagnosed: Diagnosed) -> list[RenderableType]:
    """Return the files that lie there and tell nothing, a line each."""
    if not diagnosed.left_out:
        return []
    told = Text("\nLeft out\n", "bold")
    for one in diagnosed.left_out[:LEFT_OUT_MOST]:
        told.append(f"  {one.path} ").append(f"{one.why}\n", "dim")
    if len(diagnosed.left_out) > LEFT_OUT_MOST:
        told.append(f"  and {plural(len(diagnosed.left_out) - LEFT_OUT_MOST, 'more file')}\n", "dim")
    told.rstrip()
    return [told]


def _list(diagnosed: Diagnosed) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("run", "length", "best", "against the best", "level", "what stands first"):
        table.add_column(title, overflow="fold")
    for row in rows(diagnosed):
        style = STYLES[row.level]
        told = (row.name, row.steps, row.best, row.against_best)
        table.add_row(*map(Text, told), Text(row.level, style), Text(row.cause))
    return table


def _settings(diagnosed: Diagnosed) -> list[RenderableType]:
    different = different_settings(diagnosed)
    if not different:
        return []
    told = Text("\nSettings that differ: ", "dim")
    told.append("; ".join(f"{name} {', '.join(values)}" for name, values in different[:8]))
    return [told]


def _run(run: Report) -> RenderableType:
    page = Text("\n")
    page.append(str(run.run["name"]), "bold").append(
        f"  {run.run['format']}, {plural(run.run['rows'], 'row')}\n", "dim"
    )
    page.append(run.verdict + "\n", STYLES[run.level])
    page.append("Why   ", "dim").append(run.why + "\n").append("Next  ", "dim").append(run.next + "\n")
    if run.metrics.best is not None:
        noise = f" ± {score(run.metrics.standard_error)}" if run.metrics.standard_error else ""
        page.append("      ").append(f"best {run.metrics.name} {score(run.metrics.best)}{noise}, ", "dim")
        page.append(f"last {score(run.metrics.final)}\n", "dim")
    _findings(page, run)
    _offers(page, run)
    _checked(page, run)
    page.rstrip()
    return Padding(page, (0, 0))


def _findings(page: Text, run: Report) -> None:
    unit = "epoch" if run.run["axis"] == "epoch" else "step"
    standing = [one for one in run.findings if one.cleared_step is None]
    if standing:
        page.append("\nWhat stands\n", "bold")
    for one in standing:
        page.append(f"  {one.severity.value:<8}", STYLES[one.severity.value]).append(f"{one.code}  {one.message}")
        since = f" (since {unit} {one.step}" + (f", a symptom of {one.explained_by})" if one.explained_by else ")")
        page.append(since + "\n", "dim")
        if one.causes and one.role == "cause":
            page.append(f"          may come from: {'; '.join(one.causes)}\n", "dim")
    gone = [one for one in run.findings if one.cleared_step is not None]
    if gone:
        told = ", ".join(f"{one.code} ({unit} {one.step} to {one.cleared_step})" for one in gone)
        page.append(f"  came and went: {told}\n", "dim")


def _offers(page: Text, run: Report) -> None:
    if run.opportunities:
        page.append("\nWhat to change\n", "bold")
    for one in run.opportunities[:ADVICE_MOST]:
        hope = f": {expected(one.saves, one.improves)}, {one.estimated_by}" if one.saves else ""
        page.append(f"  {one.fix}").append(f" ({one.rule}){hope}\n", "dim")
        for line in one.config.splitlines():
            page.append(f"      {line}\n", "green")


def _checked(page: Text, run: Report) -> None:
    columns = ", ".join(f"{role} = {' + '.join(names)}" for role, names in run.run["columns"].items())
    page.append("\nRead from the log  ", "bold").append((columns or "nothing that is known by its name") + "\n")
    page.append("Passed  ", "bold").append((", ".join(run.passed) or "none") + "\n")
    lacking: dict[str, list[str]] = defaultdict(list)
    never: list[str] = []
    for one in run.not_assessed:
        if set(one.missing) & NEVER_LOGGED:
            never.append(one.code)
        else:
            lacking[", ".join(one.missing)].append(one.code)
    if lacking or never:
        page.append("Not assessed, because the log lacks\n", "bold")
    for missing, codes in sorted(lacking.items(), key=lambda pair: -len(pair[1])):
        page.append(f"  {missing}: ", "dim").append(", ".join(codes) + "\n")
    if never:
        page.append("  what curves do not tell (layers, data, machine, times): ", "dim").append(", ".join(never) + "\n")
    if run.unsure:
        page.append("What we are not sure of\n", "bold")
    for sentence in run.unsure:
        page.append(f"  {sentence}\n")
