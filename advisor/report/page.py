"""The first page of a report, for the terminal: at most 40 lines that answer in five seconds."""

from rich.text import Text

from advisor.report import view, words
from advisor.report.schema import Intervention, Report

BAR_CELLS = 44
"""Width of the time bar: with its words it fits 80 columns."""
FIXES_MOST = 8
FINDINGS_MOST = 5
SHADES = {
    "input_wait": ("█", "yellow"),
    "to_device": ("▓", "yellow"),
    "forward": ("█", "blue"),
    "backward": ("▓", "blue"),
    "optimizer": ("▒", "blue"),
    "evaluation": ("█", "green"),
    "checkpoint": ("▓", "green"),
    "trials": ("█", "magenta"),
    "lost": ("█", "red"),
    "restarts": ("▓", "red"),
    "advisor": ("▒", "magenta"),
    "pacing": ("░", "magenta"),
    "other": ("░", "white"),
}
"""A pattern and a colour for each part: the pattern alone must do on a monochrome terminal."""
STYLES = {"kept": "green", "rolled_back": "red", "undecided": "yellow", "applied_untried": "yellow", "refused": "dim"}


def first_page(report: Report) -> Text:
    """Return the first page; printed without colours, it is plain text."""
    page = Text()
    page.append(f"{report.run.get('name', '')}", "bold")
    page.append(f"  {report.run.get('state', '')}\n\n", "dim")
    page.append(report.verdict + "\n", "bold")
    for label, text in (("Why ", report.why), ("Next", report.next)):
        page.append(f"{label}  ", "dim").append(text + "\n")
    _figures(page, report)
    _time(page, report)
    _fixes(page, report)
    _findings(page, report)
    _offers(page, report)
    page.rstrip()
    return page


def _figures(page: Text, report: Report) -> None:
    page.append("\n")
    rows = [row for row in view.figures(report) if row[1] != words.MISSING]
    for name, value, remark in rows:
        page.append(f"  {name:<16}", "dim").append(f"{value:>9}", "bold").append(f"  {remark}\n", "dim")


def _time(page: Text, report: Report) -> None:
    parts = view.time_parts(report)
    if not parts:
        return
    page.append("\n  ")
    for part in parts:
        sign, style = SHADES[part.key]
        page.append(sign * round(part.share * BAR_CELLS), style)
    page.append("\n  ")
    for part in sorted(parts, key=lambda one: -one.share)[:4]:
        sign, style = SHADES[part.key]
        page.append(sign, style).append(f" {part.name} ").append(f"{words.share(part.share)}  ", "bold")
    page.append("\n")


def _fixes(page: Text, report: Report) -> None:
    done = view.acted(report)
    if not done:
        return
    page.append("\nWhat was tried\n", "bold")
    for one in done[:FIXES_MOST]:
        outcome = "rolled_back" if one.undone else one.outcome
        name = f"{words.OUTCOME_SIGNS[outcome]} {words.OUTCOME_NAMES[outcome]}"
        page.append(f"  {name:<22}", STYLES[outcome]).append(_short(one.fix, 40)).append(f"  {_brought(one)}\n", "dim")
    if len(done) > FIXES_MOST:
        page.append(f"  and {len(done) - FIXES_MOST} more in the report\n", "dim")


def _brought(one: Intervention) -> str:
    return words.gain(one.measured) if one.measured else ""


def _findings(page: Text, report: Report) -> None:
    standing = view.standing(report.findings)
    if not standing:
        return
    page.append("\nWhat still stands\n", "bold")
    styles = {"error": "red", "warning": "yellow", "info": "dim"}
    for one in standing[:FINDINGS_MOST]:
        severity = one.severity.value
        page.append(f"  {severity:<8}", styles[severity]).append(f"{one.code}  {_short(one.message, 62)}\n")
    if len(standing) > FINDINGS_MOST:
        page.append(f"  and {len(standing) - FINDINGS_MOST} more in the report\n", "dim")


def _offers(page: Text, report: Report) -> None:
    if not report.opportunities:
        return
    top = report.opportunities[0]
    page.append("\nThe greatest opportunity\n", "bold")
    hope = f": {words.expected(top.saves, top.improves)}" if top.saves else ""
    page.append(f"  {_short(top.fix, 60)} ({top.rule}){hope}\n")
    lines = " ".join(top.config.split("\n")[1:]).strip()
    if lines:
        page.append(f"  {lines}\n", "dim")


def _short(text: str, most: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1] + "…"
