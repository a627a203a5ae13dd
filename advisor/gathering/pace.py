"""Facts about the even pace of a run: slow steps, and a trainer that is silent."""

from advisor.signals.signals import Signals
from rules.facts import PaceFacts, StallFacts

STEPS_LEAST = 100
"""Steps of which ten could be slow and all others usual."""


def pace(signals: Signals) -> PaceFacts | None:
    """Return the steps that took far longer than the others, once enough were taken."""
    seen = signals.pace
    if seen.steps < STEPS_LEAST:
        return None
    return PaceFacts(
        steps=seen.steps,
        slow=seen.slow,
        excess_share=min(seen.excess_s / max(seen.seconds, 1e-9), 1.0),
        excess_s=seen.excess_s / max(seen.slow, 1),
        usual_s=seen.usual_s,
        worst_s=seen.worst_s,
        met=seen.met,
    )


def stall(signals: Signals) -> StallFacts | None:
    """Return how long the trainer has been silent, where a sensor watches it; 0 once it is heard of again."""
    if not signals.host:
        return None
    seen = signals.stall
    if seen is None:
        return StallFacts(silent_s=0.0, usual_s=signals.step_s)
    return StallFacts(silent_s=seen.silent_s, usual_s=seen.usual_s, where=seen.where, doing=seen.doing)
