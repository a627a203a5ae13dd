"""What a fix does and did, as people read it: turns, trial, progress, measured effect."""

from collections.abc import Mapping
from statistics import median

from advisor.ledger import How, Measured, TrialHeard
from advisor.report.words import LESS_IS_BETTER
from advisor.report.words import quantity as named
from advisor.story.told import InterventionState
from advisor.trials.scoring import AVERAGED, BETTER, plain_score
from advisor.tui import words
from rules.vocabulary import Deed, Effect, Fix, Value

EFFECTS = {
    Effect.FREE: "free: nothing that is learned changes",
    Effect.SAME_MATHEMATICS: "same mathematics: only the speed changes",
    Effect.OTHER_ROUNDING: "other rounding: the numbers differ in their last digits",
    Effect.CHANGES_LEARNING: "changes what is learned",
    Effect.RESCUE: "a rescue: applied, not tried",
    Effect.NEEDS_A_PERSON: "needs a person",
}
TRIALS: dict[How, str] = {
    "rounds": "six rounds with and without it, kept only if all agree",
    "fork": "a fork from one snapshot with and without it, kept only if it clears the noise",
    "rescue": "applied at once, not tried",
    "free": "scored beside the present state on the same pass",
    "compression": "a compressed copy beside the original, kept only within the allowed loss",
    "untried": "applied, not tried",
    "plan": "applied as the plan says, not tried again",
}
ROUNDS = 6
"""Rounds of a throughput trial (trials.md)."""


def turns_text(turns: Mapping[str, Value], old: Mapping[str, Value], arrow: str = "→") -> str:
    """Return `workers 0 → 2, cache off → on`."""
    return ", ".join(
        f"{knob} {words.value(old[knob])} {arrow} {words.value(to)}"
        if knob in old
        else f"{knob} {arrow} {words.value(to)}"
        for knob, to in turns.items()
    )


def deed_text(fix: Fix, now: Mapping[str, Value]) -> str:
    """Return what would be done: the turns, or the deed in words."""
    turns = turns_text({turn.knob: turn.to for turn in fix.turns}, now)
    before = {Deed.ROLLBACK: "go back to a snapshot", Deed.START_OVER: "go back to the start"}.get(fix.deed, "")
    alone = {
        Deed.STOP: "end the run at its best",
        Deed.COMPRESS: f"compress by {fix.method}",
        Deed.PERSON: "for a person to do",
    }
    return "; ".join(part for part in (before, turns) if part) or alone.get(fix.deed, fix.name)


def expected_text(fix: Fix) -> str:
    """Return the expected gain in words, with how it was estimated."""
    if fix.expected <= 0:
        return fix.estimated_by
    return f"{_gain(fix.expected, fix.improves)} ({fix.estimated_by})"


def measured_text(measured: Measured) -> str:
    """Return a measured gain with its interval: `33% less step time (30% to 36%)`."""
    kind, _, quantity = measured.unit.partition(" ")
    quantity = plain_score(quantity)
    if kind == "relative" and quantity:
        interval = _interval(measured, quantity in LESS_IS_BETTER)
        return _gain(measured.median, quantity) + (f" ({interval})" if interval else "")
    if measured.unit == "bytes":
        return f"{words.size(abs(measured.median))} {'less' if measured.median >= 0 else 'more'}"
    if measured.unit == "seconds":
        return f"{words.seconds(abs(measured.median))} {'saved' if measured.median >= 0 else 'lost'}"
    unit = plain_score(measured.unit).replace("_", " ")
    return f"{unit} {measured.median:+.3g} ({measured.low:+.3g} to {measured.high:+.3g})"


def _interval(measured: Measured, lessens: bool) -> str:
    """Return both ends; without signs where all of it points the way that the words before it say.

    Nothing where both are as good as the same: such a thing was counted, or measured once.
    """
    ends = (measured.low, measured.high)
    if words.signed_share(min(ends)) == words.signed_share(max(ends)):
        return ""
    if lessens and min(ends) * max(ends) > 0:
        low, high = sorted(abs(end) for end in ends)
        return f"{words.share(low)} to {words.share(high)}"
    return f"{words.signed_share(min(ends))} to {words.signed_share(max(ends))}"


def _gain(share: float, quantity: str) -> str:
    if quantity in LESS_IS_BETTER:
        return f"{words.share(abs(share))} {'less' if share >= 0 else 'more'} {named(quantity)}"
    return f"{words.signed_share(share)} {quantity.replace('_', ' ')}"


def progress_text(trial: InterventionState) -> str:
    """Return where a running trial stands: `round 3 of 6, so far 33% less step time`."""
    if trial.how == "rounds":
        gains = [heard.numbers["gain"] for heard in trial.heard if heard.what == "round" and "gain" in heard.numbers]
        each = f" ({', '.join(map(words.signed_share, gains))})" if len(gains) > 1 else ""
        so_far = f", so far {_gain(median(gains), trial.fix.improves)}{each}" if gains else ""
        return f"round {min(len(gains) + 1, ROUNDS)} of {ROUNDS}{so_far}"
    if trial.how == "fork":
        told = ", ".join(text for heard in trial.heard if (text := _arm_text(heard, trial.fix)))
        done = told or ", ".join(f"{arm} done" for arm in dict.fromkeys(trial.arms))
        return f"fork of {trial.steps_planned or '…'} steps: {done or 'the control arm runs'}"
    if trial.how == "compression":
        return "the compressed copy is scored"
    return "applied, its recovery is watched"


def _arm_text(heard: TrialHeard, fix: Fix) -> str:
    """Return what an arm scored in the quantity that the fix should improve: `control loss 0.434`."""
    names = (f"{BETTER}{fix.improves}", f"{AVERAGED}{fix.improves}", fix.improves)
    score = next((heard.numbers[name] for name in names if name in heard.numbers), None)
    return (
        f"{_ARMS.get(heard.what, heard.what)} {fix.improves.replace('_', ' ')} {words.number(score)}"
        if score is not None
        else ""
    )


_ARMS = {"control": "without it", "candidate": "with it", "null": "without it again"}


def trial_text(how: How, cost_s: float) -> str:
    """Return how a fix would be tried, and what that would cost where it costs anything."""
    return f"{TRIALS[how]}; costs about {words.seconds(cost_s)}" if cost_s > 0 else TRIALS[how]


def offer_text(expected: float, improves: str, cost_s: float) -> str:
    """Return what a fix that waits would bring and cost, in a few words: `21% less step time expected, trial 1.2 s`."""
    brings = f"{_gain(expected, improves)} expected" if expected > 0 else "nobody can say what it brings"
    return f"{brings}, its trial {words.seconds(cost_s)}" if cost_s > 0 else brings


def heard_text(heard: TrialHeard) -> str:
    """Return one measurement of a trial: a round as two times and their gain, an arm as its scores."""
    told = dict(heard.numbers)
    if heard.what == "round" and {"without_s", "with_s"} <= told.keys():
        gain = f", gain {words.signed_share(told['gain'])}" if "gain" in told else ""
        return f"without {words.seconds(told['without_s'])}, with {words.seconds(told['with_s'])} an example{gain}"
    return "  ".join(f"{name.replace('_', ' ')} {words.number(one)}" for name, one in told.items())


def outcome_text(intervention: InterventionState) -> str:
    """Return what became of a fix, as a word or two."""
    if intervention.undone:
        return "undone"
    if intervention.outcome == "refused" and intervention.fix.effect is Effect.NEEDS_A_PERSON:
        return "for you"
    return {
        None: "trying",
        "kept": "kept",
        "rolled_back": "taken back",
        "undecided": "not kept",
        "applied_untried": "applied, not tried",
        "refused": "not tried",
    }[intervention.outcome]
