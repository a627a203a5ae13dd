"""The net is no better than guessing.

## What it does
Looks, after a tenth of the run, for a smoothed loss within two per cent of what the best constant predictor loses,
that does not fall, and a metric that does not beat it either. Four causes look alike there; it asks for a fit of one
small batch, for the loss without inputs and for a rate sweep, and says which cause the answers leave.

## Why it matters
What has not begun to learn after a tenth of the run seldom begins later.

## What to do
By cause: another rate; another initialisation or loss; inputs that reach the net; labels that belong to the inputs.

## Fix safety
A new start at the sweep's rate is a rescue: applied, not tried; there is nothing to lose. The rest needs a person.

## When to ignore it
The signal is weak by nature (rare events, returns of shares): a loss close to the constant's may be all there is.

## References
- Karpathy, «A Recipe for Training Neural Networks», 2019 (overfit one batch; zeroed inputs)
- Zhang et al., «AUTOTRAINER», ICSE 2021
"""

from math import isfinite

from rules.facts import KnobFacts, LossFacts, ProbeFacts, RunFacts, TaskFacts, ValidationFacts
from rules.learning import (
    CHANCE_SHARE,
    FAINT_SHARE,
    LAST_PROBE_SHARE,
    STALLED_FALL_SHARE,
    SWEEP_MARGIN,
    at_chance,
    rate_over_pick,
)
from rules.remedies import advice, new_start, possible, start_over
from rules.vocabulary import Evidence, Finding, Fix, Severity, rule

JUDGED_SHARE = 0.10
"""Of the run: healthy runs have left chance by then."""
CERTAIN_SHARE = 0.30
"""Of the run: by then it needs no probe to call it an error."""
NOISE_FACTOR = 2.0
"""Standard errors by which a metric beats the constant: a weak signal is learned, however little the loss shows."""
NEEDED_PROBES = ("lr_sweep", "single_batch_fit", "zeroed_input")
"""Together they tell the causes apart."""
FIT_SHARE = 0.5
"""Last over first loss on 16 examples: a net and a loss that work get far below a half."""
UNUSED_BAND = 0.02
"""Around 1: the loss without inputs equals the loss with them."""


@rule("OPT103")
def stuck_at_chance(
    run: RunFacts, task: TaskFacts, loss: LossFacts, validation: ValidationFacts, knobs: KnobFacts, probes: ProbeFacts
) -> Finding | None:
    """Find a run that has not begun to learn, and tell why."""
    judged = run.warm and run.progress >= knobs.number("warmup") + JUDGED_SHARE
    best = validation.best
    beats_chance = abs(best.metric - task.baseline_metric) > NOISE_FACTOR * best.standard_error
    if (
        not judged
        or not isfinite(loss.now)
        or not at_chance(task, loss)
        or loss.fall_share >= STALLED_FALL_SHARE
        or beats_chance
    ):
        return None
    asked = tuple(name for name in NEEDED_PROBES if name not in probes.done)
    certain = not asked or run.progress >= CERTAIN_SHARE
    causes = POSSIBLE_CAUSES if asked else (_cause(knobs, probes),)
    faint = f", and without them the outputs change by {probes.zeroed_output_share:.1%}" if causes == (FAINT,) else ""
    return Finding(
        code="OPT103",
        name="stuck_at_chance",
        severity=Severity.ERROR if certain else Severity.INFO,
        message=f"the loss is {loss.now:.3g}, and guessing without a look at the inputs gives {task.baseline_loss:.3g}{faint}",
        evidence=(
            Evidence(fact="loss.now", value=loss.now, limit=CHANCE_SHARE * task.baseline_loss),
            Evidence(fact="loss.fall_share", value=loss.fall_share, limit=STALLED_FALL_SHARE),
        ),
        causes=causes,
        probes=asked if run.progress <= LAST_PROBE_SHARE else (),
        explains=("OPT104", "GEN102", "GEN103", "OPT109"),
        fixes=(*((new_start(),) if asked else possible(knobs, *_new_start(knobs, probes))), advice(ADVICE[causes[0]])),
    )


RATE = "the learning rate is of the wrong order"
NET = "the net or its loss cannot learn even 16 examples: initialisation, dead units, a loss that does not fit"
FAINT = "next to nothing of the inputs reaches the output: they are masked, averaged with padding, or scaled away"
INPUTS = "the inputs do not reach the output, or say nothing about the labels"
DATA = "single batches can be learned, the whole cannot: labels that do not belong to the inputs, or no signal"
POSSIBLE_CAUSES = (RATE, NET, FAINT, INPUTS, DATA)
ADVICE = {
    RATE: "give another learning rate: a tenth and ten times the present one tell which way",
    NET: "check that the loss takes raw outputs (no softmax before cross entropy), and re-initialise (He, Xavier)",
    FAINT: "follow one batch through forward(): a mask that is the wrong way round, a mean over padding, a factor near 0",
    INPUTS: "look at one batch as the model gets it: scale, order of inputs and labels, what the loader delivers",
    DATA: "look at twenty examples beside their labels",
}


def _cause(knobs: KnobFacts, probes: ProbeFacts) -> str:
    ratio = rate_over_pick(knobs, probes)
    if ratio >= SWEEP_MARGIN or ratio <= 1 / SWEEP_MARGIN:
        return RATE
    if not probes.fit_last_loss <= FIT_SHARE * probes.fit_first_loss:
        return FAINT if probes.zeroed_output_share <= FAINT_SHARE else NET
    if abs(probes.zeroed_loss_share - 1) <= UNUSED_BAND:
        return INPUTS
    return DATA


def _new_start(knobs: KnobFacts, probes: ProbeFacts) -> tuple[Fix, ...]:
    if _cause(knobs, probes) != RATE:
        return ()
    return (start_over("nothing was learned that could be lost", lr=probes.lr_pick),)
