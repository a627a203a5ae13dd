"""The learning rate is set by a second hand.

## What it does
Compares the rate that the trainer set for a step with the one that the optimizer held after it. Where they differ, code
of the user's own (a scheduler, a hook, an optimizer that changes its groups) sets the rate too. A rate that it raises
threefold from one beat to the next is a warning, and an error when the loss has risen since; a slow change, or a fall, may
be a schedule that is meant.

## Why it matters
Two schedules multiply: neither is the one that was meant, and no turn of the rate holds. A rate that jumps up amid a run
undoes in ten steps what a thousand have learned.

## What to do
Take the schedule out of the code and give it as `train.schedule` and `train.warmup`, or take those out. Where the jump
has thrown the run, it goes back to before it, with a rate so much lower that the product is the rate that was meant.

## Fix safety
Going back is a rescue: applied, not tried. The code needs a person.

## When to ignore it
The code is meant to have the last word, and the loss bears it.

## References
- Smith, «A disciplined approach to neural network hyper-parameters», arXiv 1803.09820
"""

from rules.facts import KnobFacts, LossFacts, RateFacts, TaskFacts
from rules.learning import LEARNED_SHARE
from rules.remedies import advice, possible, turned
from rules.rescue import MARGIN_STEPS
from rules.vocabulary import Deed, Effect, Evidence, Finding, Fix, Severity, rule
from rules.wording import of_rate

APART_SHARE = 0.01
"""Of the rate: less is rounding."""
JUMP_FACTOR = 3.0
"""Times the rate that was set, from one beat to the next: three times too high is felt, and no schedule rises so fast."""
CLIMB_FACTOR = 1.5
"""Times the least smoothed loss: what NUM102 calls a climb, without its patience, for here the cause is known."""


@rule("OPT111")
def rate_jumps(task: TaskFacts, loss: LossFacts, rate: RateFacts, knobs: KnobFacts) -> Finding | None:
    """Find a rate that the user's own code sets besides the trainer."""
    if not rate.apart_since or abs(rate.factor - 1) <= APART_SHARE:
        return None
    climbs = (
        not loss.now <= CLIMB_FACTOR * loss.best and loss.now - loss.best > (1 - LEARNED_SHARE) * task.baseline_loss
    )
    jumped = min(rate.jump, rate.factor) >= JUMP_FACTOR
    thrown = jumped and (climbs or loss.non_finite_in_a_row > 0)
    severity = Severity.ERROR if thrown else Severity.WARNING if jumped else Severity.INFO
    mends = thrown and "lr" not in knobs.confirmed
    return Finding(
        code="OPT111",
        name="rate_jumps",
        severity=severity,
        message=f"after the step the optimizer held {rate.factor:.3g} times the rate that was set for it "
        f"({of_rate(rate.held)} for {of_rate(rate.set)}), since step {rate.apart_since}: code of your own sets it, too",
        evidence=(
            Evidence(fact="rate.held", value=rate.held, limit=rate.set),
            Evidence(fact="rate.jump", value=rate.jump, limit=JUMP_FACTOR),
            Evidence(fact="loss.now", value=loss.now, limit=CLIMB_FACTOR * loss.best),
        ),
        causes=("a scheduler, a hook or an optimizer of your own changes the rate",),
        explains=SYMPTOMS if jumped else (),
        fixes=(
            *(possible(knobs, _go_back(rate, knobs)) if mends else ()),
            advice(
                "take the schedule out of your code and give it as train.schedule and train.warmup", improves="loss"
            ),
        ),
    )


SYMPTOMS = (
    "NUM101", "NUM102", "NUM103", "OPT101", "OPT102", "OPT103", "OPT104", "OPT105", "OPT106", "OPT109", "OPT110",
    "GEN102", "ARC102", "ARC103", "ARC104",
)  # fmt: skip
"""What a rate that is not the one that was meant brings about."""


def _go_back(rate: RateFacts, knobs: KnobFacts) -> Fix:
    lr = knobs.number("lr") / rate.factor
    return Fix(
        name=f"roll back to before step {max(rate.apart_since - MARGIN_STEPS, 0)} with lr {lr:.2g}",
        effect=Effect.RESCUE,
        deed=Deed.ROLLBACK,
        turns=turned(lr=lr),
        improves="finite",
        expected=0.0,
        estimated_by=f"applied, not tried: what your code makes of it is the rate of before, {rate.set:.2g}",
    )
