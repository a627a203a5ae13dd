"""Groups of facts about the even pace of a run: steps that took far longer than the others, and a trainer that is silent."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class PaceFacts:
    """Steps that took far longer than the others, among the last ones; trials left out."""

    steps: int
    """Looked at."""
    slow: int
    """Over three spreads beyond the usual step, and over twice it."""
    excess_share: float
    """Of the wall time of those steps: what the slow ones took beyond the usual."""
    excess_s: float
    """What a slow one took beyond the usual, in the mean; 0 where there were none."""
    usual_s: float
    worst_s: float
    met: Mapping[str, int]
    """What they met, most first: collection, evaluation, checkpoint, input, waiting, work."""


@dataclass(frozen=True)
class StallFacts:
    """A trainer that has not been heard of for far too long; the group is there for every run that is watched live."""

    silent_s: float
    """Since its last word; 0 = it has been heard of."""
    usual_s: float
    where: str = ""
    """The line of the user's own code that it stands in; empty where nobody can tell."""
    doing: str = ""
    """What the trainer was about, in a few words."""
