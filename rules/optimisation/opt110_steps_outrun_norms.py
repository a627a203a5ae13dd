"""The steps are so long that evaluation mode no longer knows the network.

## What it does
Looks, in a net with norm layers, for an evaluation, on held-out *and* on training examples, that is far worse than a
constant predictor while the training loss of the same steps is not; or that only guesses, on training examples too,
where the training loss is down to half of guessing; of a net that learns all the same, in three evaluations in a row,
for its averages lag behind its weights for a while. It then asks for a rate sweep, and names the rate when that is at
least three times the one that the sweep picks.

## Why it matters
Batch norm hides a rate that is too high: in training mode each batch is normalised anew and the loss looks bearable,
but the running averages that evaluation uses belong to weights that were left behind long ago. The model that is
saved is worthless, however well the training loss looks.

## What to do
Start over with the rate that the sweep picks. Where the rate is not to blame, look at what the model does differently
in training and in evaluation mode.

## Fix safety
Starting over is a rescue: applied, not tried.

## When to ignore it
The first evaluation comes after a handful of steps only, before any running average can be right.

## References
- Ioffe and Szegedy, «Batch Normalization», 2015, arXiv 1502.03167 (section 3.1: population statistics)
- Smith, «Cyclical Learning Rates for Training Neural Networks», 2017 (the range test)
"""

from rules.facts import Evaluation, KnobFacts, LossFacts, ModelFacts, ProbeFacts, RunFacts, TaskFacts, ValidationFacts
from rules.learning import CHANCE_SHARE, HIGH_LOSS_SHARE, LEARNED_SHARE, SWEEP_MARGIN, rate_over_pick, skill
from rules.remedies import advice, new_start, possible, turned
from rules.vocabulary import Deed, Effect, Evidence, Finding, Fix, Severity, rule
from rules.wording import of_rate

FAR_FACTOR = 3.0
"""Times the loss of a constant predictor: an untrained network with sound averages stays under twice of it."""

APART_FACTOR = 2.0
"""Times the training loss: nearer than that, the training itself has gone wrong and OPT101 speaks."""

GUESSING_SKILL = 0.1
"""On the way from a constant to perfection: a net whose training loss is half that of guessing is farther."""

EVALUATIONS_OF_A_LEARNER = 3
"""In a row, where the training loss has fallen: the running averages lag behind weights that move fast (momentum .1: some 20 steps).
Of signals with batch norm on SGD three of sixteen evaluations were lost, and never two in a row."""


@rule("OPT110")
def steps_outrun_norms(
    run: RunFacts,
    task: TaskFacts,
    loss: LossFacts,
    validation: ValidationFacts,
    model: ModelFacts,
    knobs: KnobFacts,
    probes: ProbeFacts,
) -> Finding | None:
    """Find a network that is lost in evaluation mode because its steps are too long."""
    last = validation.last
    limit = max(FAR_FACTOR * task.baseline_loss, APART_FACTOR * loss.now)
    needed = EVALUATIONS_OF_A_LEARNER if loss.now < LEARNED_SHARE * task.baseline_loss else 1
    seen = validation.evaluations[-needed:]
    knows = loss.now < HIGH_LOSS_SHARE * task.baseline_loss
    lost = (
        limit > 0
        and len(seen) == needed
        and all(min(one.loss, one.train_loss) > limit or (knows and _guesses(task, one)) for one in seen)
    )
    if not run.warm or not model.has_norm or not lost:
        return None
    asked = "lr_sweep" not in probes.done
    rate, pick = knobs.number("lr"), probes.lr_pick
    too_high = not asked and rate_over_pick(knobs, probes) >= SWEEP_MARGIN
    said = f"the loss on training examples is {last.train_loss:.3g} in evaluation mode, {loss.now:.3g} in training"
    return Finding(
        code="OPT110",
        name="steps_outrun_norms",
        severity=Severity.ERROR if asked or too_high else Severity.WARNING,
        message=f"{said}: lr {of_rate(rate)} is {rate / pick:.0f} times what a sweep picks" if too_high else said,
        evidence=(
            Evidence(fact="validation.last.train_loss", value=last.train_loss, limit=limit),
            Evidence(fact="loss.now", value=loss.now, limit=task.baseline_loss),
        ),
        causes=(
            "the learning rate is too high",
            "running averages that follow too slowly (the momentum of the norms)",
            "the model behaves differently in evaluation mode",
        ),
        probes=("lr_sweep",) if asked else (),
        explains=("OPT101", "OPT103", "OPT104", "OPT105", "OPT109", "NUM102", "NUM103", "ARC103", "GEN101", "GEN103"),
        fixes=_fixes(knobs, pick, asked=asked, too_high=too_high),
    )


def _guesses(task: TaskFacts, one: Evaluation) -> bool:
    """Tell whether evaluation mode knows nothing of the training examples, by the loss and by the metric."""
    worse = min(one.loss, one.train_loss) > CHANCE_SHARE * task.baseline_loss
    return worse and skill(task, one.train_metric) <= GUESSING_SKILL


def _fixes(knobs: KnobFacts, pick: float, *, asked: bool, too_high: bool) -> tuple[Fix, ...]:
    if asked:
        return (new_start(),)
    if not too_high:
        return (
            advice(
                "compare the model in training and evaluation mode: batch norm (momentum), dropout, data preparation"
            ),
        )
    start = Fix(
        name=f"start over with lr {of_rate(pick)}",
        effect=Effect.RESCUE,
        deed=Deed.START_OVER,
        turns=turned(lr=pick),
        improves="loss",
        expected=1 - 1 / FAR_FACTOR,
        estimated_by="at least back to the loss of a constant predictor; what lies below it nobody can say",
    )
    return possible(knobs, start)
