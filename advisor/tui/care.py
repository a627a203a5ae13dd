"""Whether somebody still drives the run that is looked at: without a driver nothing is judged and no key is heard."""

import time
from collections.abc import Callable
from typing import Literal

from advisor.driving.lease import HEARTBEAT_S, is_driven
from advisor.runs import Run
from advisor.story.story import Story
from advisor.story.told import Word
from advisor.tui import words

Left = Literal["", "unwatched", "died unwatched", "folder gone"]
"""What is wrong: the trainer goes on without its driver, both are gone (in the words of the run list), or the run's folder is."""

ENDINGS: tuple[Word, ...] = ("finished", "stopped", "failed")
"""After these nobody needs to drive it, and the machine does other work: what it did last is no news."""

GONE_S = 2 * HEARTBEAT_S
"""A driver that was there and is not for so long is gone; one that closes a run writes so before it lets go."""
START_S = 20.0
"""A driver that is being started takes its lease within this (attach.py)."""
ADVICE: dict[Left, tuple[str, str]] = {
    "unwatched": (
        "its driver is gone: it trains on, but nothing is tried or judged and no key is heard",
        "`advisor watch {run}` gives it a new one",
    ),
    "died unwatched": (
        "its trainer and its driver are gone",
        "`advisor resume {run}` goes on from the last checkpoint",
    ),
    "folder gone": (
        "{run} was moved or deleted: nothing more is heard of it",
        "`advisor` lists the runs that are here",
    ),
}
"""What that means, and what to do about it."""


def trains(run: Run) -> bool:
    """Tell whether the trainer of a run is alive."""
    from advisor.driving.supervise import trainer_of  # only a run that has lost its driver needs it

    return trainer_of(run) is not None


class Care:
    """Looks at the lease now and then. A run that never had one, as a log of somebody else's, is left by nobody."""

    def __init__(
        self,
        run: Run,
        patience_s: float = START_S,
        clock: Callable[[], float] = time.monotonic,
        trains: Callable[[Run], bool] = trains,
    ) -> None:
        """Begin to look; a driver that was never seen counts as gone after `patience_s`."""
        self.left: Left = ""
        self.driven = False
        """Somebody drove the run at the last look."""
        self._run = run
        self._clock = clock
        self._trains = trains
        self._looked_at = float("-inf")
        self._gone_at = clock() + patience_s
        """When a driver that has not been seen since counts as gone."""

    def look(self) -> None:
        """Look again, unless that was a moment ago."""
        now = self._clock()
        if now - self._looked_at < HEARTBEAT_S:
            return
        self._looked_at = now
        self.driven = is_driven(self._run)
        if not self._run.folder.exists():
            self.left = "folder gone"
        elif self.driven:
            self.left, self._gone_at = "", now + GONE_S
        elif now >= self._gone_at and self.left != "died unwatched" and self._run.lease.exists():
            self.left = "unwatched" if self._trains(self._run) else "died unwatched"
        elif self.left == "folder gone":
            self.left = ""

    def word(self, story: Story, now_t: float) -> Word | Left:
        """Return the state of the run at Unix time `now_t`; a trainer that failed is no end while its driver may restart it."""
        word = story.word_at(now_t)
        if word == "failed" and story.closed is None and self.driven:
            return "recovering"
        return self.left if self.left and word not in ENDINGS else word

    def advice(self, first: str = "") -> str:
        """Return what that means and, after what has to be done `first`, what to do; nothing where the run is driven."""
        if not self.left:
            return ""
        means, mend = ADVICE[self.left]
        return f"{means}; {first}{mend}".format(run=words.place(self._run.folder))
