"""The rescue ladder for a run that diverges or is no longer a number: what to do, rung by rung.

First: back to a state from before the onset, with clipping; or, when it went wrong from the start, back to the state
before the first step with the rate that a sweep picks. Again: half the rate and a new warm-up. A third time: stop and
say that no knob recovers it. (Cutting the rate once does not cure a rate that is a hundred times too high.)
"""

from math import isnan

from rules.facts import BranchFacts, KnobFacts, ProbeFacts, RunFacts
from rules.learning import rate_over_pick
from rules.remedies import advice, clip_norm, possible, turned
from rules.vocabulary import Deed, Effect, Fix, Turned

EARLY_SHARE = 0.05
"""Of the run: trouble that begins this early was there from the start (trials.md)."""
EARLY_STEPS = 20
"""The least meaning of «early», for runs of some hundred steps."""
MARGIN_STEPS = 50
"""A snapshot younger than this before the onset may hold the cause already."""
AGAIN_STEPS = 500
"""Trouble within so many steps of a rollback is the same trouble; later, it is new."""
RATE_CUT = 0.5
"""The rate at the second rung."""
BLIND_RATE_CUT = 0.1
"""From the start and no pick to go by: a rate that fails at once is rarely wrong by less than ten."""
PICK_MARGIN = 2.0
"""A pick less than this factor below the rate does not explain the trouble."""


def early(run: RunFacts, step: int) -> bool:
    """Tell whether `step` lies so early that what began there was wrong from the start."""
    return step <= max(EARLY_STEPS, EARLY_SHARE * run.steps_total)


def ladder(
    run: RunFacts, onset: int, seen_norm: float, knobs: KnobFacts, probes: ProbeFacts, branch: BranchFacts
) -> tuple[tuple[Fix, ...], tuple[str, ...]]:
    """Return the fixes of the present rung, and the probes that have to come first.

    Args:
        run: Where the run stands.
        onset: Step at which the trouble began.
        seen_norm: 90th percentile of the gradient norms; NaN where none is known.
        knobs: What can be turned.
        probes: Whether a sweep has picked a rate.
        branch: What was rescued before.
    """
    rung = _rung(onset, branch)
    if rung >= 2:
        return (_stop(),), ()
    from_start = early(run, onset)
    if rung == 1:
        fixes = (_slower(onset, knobs, from_start),)
        asked: tuple[str, ...] = ()
    elif from_start:
        fixes = (_start_over(seen_norm, knobs, probes),)
        asked = () if "lr_sweep" in probes.done else ("lr_sweep",)
    else:
        fixes = (_roll_back(onset, seen_norm, knobs),)
        asked = ()
    return possible(knobs, *fixes) or (_stop(),), asked


def _rung(onset: int, branch: BranchFacts) -> int:
    again = branch.rollbacks > 0 and onset - branch.last_rollback_step <= AGAIN_STEPS
    return branch.rollbacks if again else 0


def _start_over(seen_norm: float, knobs: KnobFacts, probes: ProbeFacts) -> Fix:
    ratio = rate_over_pick(knobs, probes)
    if ratio >= PICK_MARGIN:
        turns, why = turned(lr=probes.lr_pick), "the rate that the sweep picks"
    elif isnan(ratio):
        turns, why = turned(lr=BLIND_RATE_CUT * knobs.number("lr")), "no sweep could tell a rate: a tenth"
    else:
        turns, why = _clip(seen_norm, knobs), "the sweep finds the rate right: clip what is too steep"
    return _rescue(f"start over with {_said(turns)}", Deed.START_OVER, turns, why)


def _roll_back(onset: int, seen_norm: float, knobs: KnobFacts) -> Fix:
    turns = _clip(seen_norm, knobs)
    to_step = max(onset - MARGIN_STEPS, 0)
    why = "the state before the onset was sound; the 90th percentile of the gradient norms was too"
    return _rescue(f"roll back to before step {to_step} with {_said(turns)}", Deed.ROLLBACK, turns, why)


def _slower(onset: int, knobs: KnobFacts, from_start: bool) -> Fix:
    turns = turned(lr=(BLIND_RATE_CUT if from_start else RATE_CUT) * knobs.number("lr"))
    to_step = 0 if from_start else max(onset - MARGIN_STEPS, 0)
    deed = Deed.START_OVER if from_start else Deed.ROLLBACK
    why = "the same trouble came back after a rollback: smaller steps, and a new warm-up"
    return _rescue(f"go back to step {to_step} with {_said(turns)}", deed, turns, why)


def _rescue(name: str, deed: Deed, turns: tuple[Turned, ...], why: str) -> Fix:
    return Fix(
        name=name,
        effect=Effect.RESCUE,
        deed=deed,
        turns=turns,
        improves="finite",
        expected=0.0,
        estimated_by=f"applied, not tried: {why}",
    )


def _stop() -> Fix:
    return Fix(
        name="stop: not recoverable by a knob",
        effect=Effect.RESCUE,
        deed=Deed.STOP,
        improves="finite",
        expected=0.0,
        estimated_by="the fault came back whatever was done, or no knob can be turned: it lies in the code or the data",
    )


def look_at_the_code() -> Fix:
    """Return the advice that comes with a fault that no knob cures."""
    return advice(
        "look for a logarithm of 0, a division by 0 or a broken example at the step of the onset", improves="finite"
    )


def _clip(seen: float, knobs: KnobFacts) -> tuple[Turned, ...]:
    clip = clip_norm(seen)
    now = knobs.number("clip")
    return turned(clip=clip) if now == 0 or clip < now else turned(lr=RATE_CUT * knobs.number("lr"))


def _said(turns: tuple[Turned, ...]) -> str:
    return " and ".join(f"{turn.knob} {turn.to:.2g}" for turn in turns)
