"""What rings the terminal's bell: only what a person should come back for, and each of it once."""

from advisor.story.story import Story
from rules.vocabulary import Severity

CRITICAL_WORDS = ("failed", "stalled", "unwatched", "died unwatched", "folder gone")
"""States of a run in which nothing more is learned, or mended, until somebody looks."""


def critical(story: Story, word: str) -> frozenset[str]:
    """Return what is critical now, by name: causes that are errors and stand, and a run that stands still or has failed.

    A finding that is an error and is being mended by itself is one, too: the run loses what it does meanwhile.
    """
    causes = {
        code
        for code, one in story.findings.items()
        if one.standing and one.role == "cause" and one.finding.severity is Severity.ERROR and not one.finding.nursery
    }
    return frozenset(causes | ({word} if word in CRITICAL_WORDS else set()))


class Alarm:
    """Remembers what has rung; what was there at the first look is no news."""

    def __init__(self) -> None:
        self._known: frozenset[str] | None = None

    def rings(self, now: frozenset[str]) -> bool:
        """Tell whether something has become critical since the last look."""
        known, self._known = self._known, now
        return known is not None and bool(now - known)
