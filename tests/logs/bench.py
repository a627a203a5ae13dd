"""What `advisor diagnose` says of logs that libraries wrote of trainings with a known fault: right causes and false alarms."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from advisor.logs.diagnose import Asked, diagnose
from advisor.logs.find import find_runs
from advisor.logs.telling import Said

BENCH = Path(__file__).parent / "bench"
SETS = ("seen", "unseen")
RIGHT: dict[str, frozenset[str]] = {
    "healthy": frozenset(),
    "healthy_decay": frozenset(),
    "diverging": frozenset({"NUM102", "OPT101"}),
    "overfitting": frozenset({"GEN101"}),
    "rate_zero": frozenset({"OPT108", "OPT103"}),
    "nan": frozenset({"NUM101"}),
    "plateau": frozenset({"OPT104", "GEN102"}),
    "rate_high": frozenset({"OPT101", "NUM102", "OPT103"}),
    "rate_low": frozenset({"OPT102", "OPT103"}),
}
"""Story → codes that name its fault. OPT103 (no better than guessing) is one where the curve stands at chance: which way
the rate is wrong is then not in the log."""
ALLOWED: dict[str, frozenset[str]] = {
    "plateau": frozenset({"GEN103", "OPT105"}),
    "diverging": frozenset({"OPT105", "NUM101"}),
}
"""Story → further warnings that are true of it."""


@dataclass(frozen=True)
class Judged:
    """One log and what was said of it."""

    set: str
    library: str
    story: str
    first: str
    """Code that stands first; empty where none does."""
    alarms: tuple[str, ...]
    """Codes of warnings and errors that stand, or came and went."""

    @property
    def healthy(self) -> bool:
        """Nothing is wrong with it."""
        return not RIGHT[self.story]

    @property
    def right(self) -> bool:
        """What stands first names the fault; of a healthy one, that there is no alarm."""
        return not self.alarms if self.healthy else self.first in RIGHT[self.story]

    @property
    def false_alarms(self) -> tuple[str, ...]:
        """Warnings and errors that are not true of it."""
        true = RIGHT[self.story] | ALLOWED.get(self.story, frozenset())
        return tuple(code for code in self.alarms if code not in true)


def judged(
    sets: Iterable[str] = SETS, libraries: Collection[str] = (), stories: Iterable[str] = tuple(RIGHT)
) -> list[Judged]:
    """Return every log of these sets with what is said of it, by set, library and story.

    Args:
        sets: Which sets.
        libraries: Which libraries; none for all.
        stories: Which stories.
    """
    found = []
    for name in sets:
        for library in sorted(path for path in (BENCH / name).iterdir() if not libraries or path.name in libraries):
            found += [_judge(name, library.name, library / story) for story in stories if (library / story).is_dir()]
    return found


def _judge(name: str, library: str, place: Path) -> Judged:
    (source,) = find_runs(place)
    report = diagnose(source, Asked({}, Said()))
    standing = [one.code for one in report.findings if one.cleared_step is None]
    alarms = tuple(one.code for one in report.findings if one.severity.value != "info" and one.role != "symptom")
    return Judged(name, library, place.name, standing[0] if standing else "", alarms)
