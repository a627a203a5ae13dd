"""The loss of a batch is a sum over its examples, not a mean.

## What it does
Asks the loss for a batch and for its two halves: a mean is the mean of theirs, a sum is their sum. Where the optimizer is plain
or momentum gradient descent, it works out the rate that a mean would have had: rate times batch size, over one minus the
momentum.

## Why it matters
Gradients grow with the batch size, and with them the steps: the rate is as many times higher as there are examples. Clipping
and weight decay mean something else, a change of the batch size is a change of the rate, and losses of splits of different
sizes cannot be compared.

## What to do
Return the mean: `reduction="mean"`, or `loss / len(targets)`.

## Fix safety
The mean of the same loss where it is a standard one, else a rate divided by the batch size, which makes the same steps.
In the first half of the run it starts over with the mean, for what steps of many times their length did to the weights
stays: a rescue, applied without a trial, where nothing was learned; else, and later, it changes learning, and a fork decides.

## When to ignore it
The rate was chosen for the sum, and the batch size stays as it is. Adam and its kin divide the factor out again.

## References
- Goyal et al., «Accurate, Large Minibatch SGD», 2017, section 3 (the mean over the batch, and where it goes wrong)
"""

from rules.facts import KnobFacts, LossFacts, OutputFacts, RunFacts, TaskFacts
from rules.learning import learned_nothing, lost_or_thrown, pays_to_start_over, rose_early
from rules.outcome_facts import SUM_LOW, adds_up
from rules.remedies import advice, begin_anew, possible, standard_loss, turned
from rules.vocabulary import METRIC_GUARD, Deed, Effect, Evidence, Finding, Fix, Severity, rule
from rules.wording import of_rate

RATE_LIMIT = 1.0
"""Rate for a mean: beyond it, gradient descent on nets without normalisation is seldom stable (of the bench's healthy runs,
those at 1.0 are a single shallow sigmoid net)."""
LEAST_BRAKE = 1e-3
"""One minus the momentum, at least: a momentum of 1 has no steady step."""
DESCENTS = ("sgd", "momentum", "nesterov")
"""Optimizers whose steps grow with the gradient."""
STANDARD = frozenset({"cross_entropy", "squared"})
"""Losses whose mean the trainer has itself."""
SYMPTOMS = (
    "NUM102", "NUM103", "OPT101", "OPT102", "OPT103", "OPT105", "OPT106", "OPT109", "OPT110",
    "GEN101", "GEN102", "ARC102", "ARC103", "DAT102",
)  # fmt: skip


@rule("NUM106")
def loss_summed(
    run: RunFacts, task: TaskFacts, loss: LossFacts, outputs: OutputFacts, knobs: KnobFacts
) -> Finding | None:
    """Find a loss that adds up its examples."""
    if not adds_up(outputs.sum_factor):
        return None
    name, rate = str(knobs.values["optimizer"]), knobs.number("lr")
    gathers = 1 - knobs.number("momentum") if name in DESCENTS[1:] else 1.0
    meant = rate * run.batch_size / max(gathers, LEAST_BRAKE)
    suffers = lost_or_thrown(run, task, loss) or rose_early(run, task, loss)
    high = name in DESCENTS and knobs.can("optimizer") and (meant > RATE_LIMIT or suffers)
    said = (
        f"the loss of a batch is {outputs.sum_factor:.3g} times the mean of its halves: it is a sum over the examples"
    )
    lower = Fix(
        name=f"lower lr to {of_rate(rate / run.batch_size)}",
        effect=Effect.CHANGES_LEARNING,
        turns=turned(lr=rate / run.batch_size),
        improves="loss",
        guards=(METRIC_GUARD,),
        expected=0.0,
        estimated_by="not estimated: the steps become those that a mean would have had",
    )
    fixes = possible(knobs, _mean(run, task, loss)) if outputs.loss_kind in STANDARD else ()
    return Finding(
        code="NUM106",
        name="loss_summed",
        severity=Severity.WARNING if high else Severity.INFO,
        message=f"{said}; lr {of_rate(rate)} on it is like {of_rate(meant)} on a mean" if high else said,
        evidence=(Evidence(fact="outputs.sum_factor", value=outputs.sum_factor, limit=SUM_LOW),),
        causes=('a loss with reduction="sum"',),
        explains=SYMPTOMS if high else (),
        fixes=(
            advice('return the mean over the batch: reduction="mean", or loss / len(targets)', improves="loss"),
            *((fixes or possible(knobs, lower)) if high else ()),
        ),
    )


def _mean(run: RunFacts, task: TaskFacts, loss: LossFacts) -> Fix:
    mean = standard_loss("take the mean of the same loss", "the steps become those of a mean")
    if not pays_to_start_over(run):
        return mean
    if learned_nothing(task, loss) or lost_or_thrown(run, task, loss):
        return begin_anew(
            "the mean of the same loss",
            lost=True,
            improves="metric",
            expected=0.0,
            estimated_by="applied, not tried: nothing was learned that could be lost",
            loss="standard",
        )
    return mean.model_copy(update={"name": "start over with the mean of the same loss", "deed": Deed.START_OVER})
