"""What the fetches of a beat have cost, as the beat tells it: the spread of their seconds, and means of what they are made of."""

from collections.abc import Sequence
from statistics import fmean

from trainer.data.gauge import FetchCost
from trainer.words import Fetching

SECONDS_MOST = 16
"""Times told of one beat: a median and a tail, in little room."""


def fetching(costs: Sequence[FetchCost]) -> Fetching | None:
    """Return what a beat tells of its fetches; nothing where there were none."""
    if not costs:
        return None
    counted = [one for one in costs if one.busy_s == one.busy_s]
    told = Fetching(batches=len(costs), seconds=evenly([one.seconds for one in costs]))
    if not counted:
        return told
    return told.model_copy(
        update={
            "counted": len(counted),
            "counted_s": fmean(one.seconds for one in counted),
            "busy_s": fmean(one.busy_s for one in counted),
            "own_s": fmean(one.own_s for one in counted),
            "queued_s": fmean(one.queued_s for one in counted),
            "read_bytes": fmean(one.read_bytes for one in counted),
            "disk_bytes": fmean(one.disk_bytes for one in counted),
            "read_calls": fmean(one.read_calls for one in counted),
        }
    )


def evenly(seconds: Sequence[float]) -> tuple[float, ...]:
    """Return at most 16 of the values, least first: all, or those in the middle of 16 equal parts."""
    ordered = sorted(seconds)
    if len(ordered) <= SECONDS_MOST:
        return tuple(ordered)
    return tuple(ordered[int((place + 0.5) * len(ordered) / SECONDS_MOST)] for place in range(SECONDS_MOST))
