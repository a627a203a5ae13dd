"""What is said of the run under the cursor, below the list."""

from textual.content import Content

from advisor.tui import words
from advisor.tui.run_list_rows import RunRow
from advisor.tui.run_list_table import percent_or_number

LINES = 4
"""Lines of the panel: where, how far, and the first findings."""
ADVICE = {
    "unwatched": "it trains and nobody looks after it: Enter joins it and gives it a driver",
    "died unwatched": "trainer and driver are gone: `advisor resume {place}` goes on from the last checkpoint",
    "starting": "its trainer is loading",
}


def detail(row: RunRow, width: int, ascii_only: bool = False) -> Content:
    """Return the panel of one run, at most four lines of `width` cells."""
    told = Content(row.verdict or _progress(row)).wrap(width)
    lines = [
        Content.assemble((row.place, "bold"), (_said(row, ascii_only), "$muted")),
        *told[: LINES - 1 - min(len(row.stands), 1)],
    ]
    lines += [
        Content.assemble((f"{one.code} ", "bold $warning"), (f"{one.role}  ", "$muted"), one.message)
        for one in row.stands[: LINES - len(lines)]
    ]
    if not row.stands and row.step and len(lines) < LINES:
        lines.append(Content.assemble(("nothing that was found stands", "$muted")))
    return Content("\n").join(one.truncate(width, ellipsis=not ascii_only) for one in lines)


def _said(row: RunRow, ascii_only: bool) -> str:
    told = [row.mode]
    if row.seconds is not None:
        told.append(("for " if row.live else "took ") + words.seconds(row.seconds))
    if row.best is not None:
        told.append(f"best {row.metric} {percent_or_number(row)}")
    if row.kept or row.taken_back:
        told.append(f"{row.kept} kept, {row.taken_back} taken back")
    gap = " - " if ascii_only else " · "
    return "".join(gap + one for one in told if one)


def _progress(row: RunRow) -> str:
    if advice := ADVICE.get(row.state):
        return advice.format(place=row.place)
    parts = [f"step {row.step:,} of {row.steps_total:,}" if row.steps_total else "no step was taken"]
    if row.loss is not None:
        parts.append(f"loss {words.number(row.loss)}")
    if row.eta_s is not None and row.state == "training":
        parts.append(f"{words.seconds(row.eta_s)} left")
    if not row.live:
        parts.append("no report yet: `advisor report` writes it" if row.step else "it never began: see its trainer.log")
    return ", ".join(parts)
