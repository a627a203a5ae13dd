"""All that lies at a path: each run is told of; what tells nothing is left out, with the reason."""

from collections.abc import Sequence
from pathlib import Path

from advisor.logs.diagnose import COLUMNS_MOST, Asked, Diagnosed, Heard, LeftOut, hear
from advisor.logs.find import Found, Source, Unread
from advisor.mistakes import Mistake
from advisor.report.words import plural


def diagnose_all(path: Path, found: Found, asked: Asked) -> Diagnosed:
    """Read every run at a path and return their diagnoses; what tells nothing is left out, with the reason.

    Raises:
        Mistake: when not one of them tells anything; it says why, of the first.
    """
    heard, failed = hear_each(found.runs, asked)
    silent = [(one.source, why) for one in heard if (why := why_silent(one))]
    left_out = [*failed, *silent]
    runs = tuple(one.report for one in heard if not why_silent(one))
    if not runs and left_out:
        more = f" (and {plural(len(left_out) - 1, 'more file')})" if len(left_out) > 1 else ""
        raise Mistake(f"{left_out[0][1]}{more}")
    return Diagnosed(path=str(path), runs=runs, left_out=_left_out(path, found.unread, left_out))


def hear_each(sources: Sequence[Source], asked: Asked) -> tuple[list[Heard], list[tuple[Source, Mistake]]]:
    """Read several runs; return those that could be read, and the others with what was wrong."""
    heard, failed = [], []
    for source in sources:
        try:
            heard.append(hear(source, asked))
        except Mistake as mistake:
            failed.append((source, mistake))
    return heard, failed


def why_silent(heard: Heard) -> str:
    """Return why a log tells nothing of a training, and what its user can do; empty where it tells something."""
    if heard.replay.loss or heard.replay.evaluations:
        return ""
    path, columns = heard.source.path, sorted(heard.frame.columns)
    if not columns:
        notes = " ".join(heard.frame.notes)
        return f"{path} holds no numbers yet, or none that can be read" + (f": {notes}" if notes else "")
    more = f" and {len(columns) - COLUMNS_MOST} more" if len(columns) > COLUMNS_MOST else ""
    return (
        f"{path} has no column that is known for a loss or a metric; it has: {', '.join(columns[:COLUMNS_MOST])}{more}. "
        "Say which is what: --map loss=COLUMN --map val_loss=COLUMN"
    )


def _left_out(root: Path, unread: Sequence[Unread], failed: Sequence[tuple[Source, object]]) -> tuple[LeftOut, ...]:
    """Return what was left out, once each, by its path below the root."""
    told = {str(one.path): one.why for one in unread}
    for source, why in failed:
        told.setdefault(str(source.path), str(why).removeprefix(f"{source.path} "))
    return tuple(LeftOut(path=path.removeprefix(f"{root}/"), why=why) for path, why in told.items())
