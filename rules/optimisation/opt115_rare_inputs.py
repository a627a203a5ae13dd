"""Most inputs are rare, and plain gradient descent has one step length for all weights.

## What it does
Looks at how a step's gradient is spread over the inputs of an embedding, or of a linear first layer: words, item numbers,
columns of 0 and 1. Where it comes down to a fifth of them, the optimizer is SGD, with momentum or without, and the run will end
before it has learned much, it asks for a rate sweep under AdamW and proposes to begin anew with that.

## Why it matters
The gradient of a rare input is as many times smaller as it is rarer. A rate that the frequent ones bear moves the rare ones
hardly at all, and they hold much of what the data can teach.

## What to do
Use an optimizer that gives each weight a step of its own: AdamW, at the rate that the sweep picks.

## Fix safety
Where nothing was learned, beginning anew is a rescue: applied, not tried; nothing is lost. Later it changes what is learned: the
run is compared with one that began with AdamW, both trained from the first step to the step of now, and goes on from the
better one.

## When to ignore it
The rate was chosen for the rare inputs, and the loss falls as it should; or the other inputs never occur at all.

## References
- Duchi et al., «Adaptive Subgradient Methods for Online Learning», 2011, section 1.3 (rare features)
- Kunstner et al., «Heavy-Tailed Class Imbalance and Why Adam Outperforms Gradient Descent on Language Models», 2024
"""

from math import isfinite

from rules.facts import KnobFacts, LayerFacts, LossFacts, ProbeFacts, RunFacts, TaskFacts
from rules.learning import HIGH_LOSS_SHARE, LAYER_CHECKS, creeps, heads_for, learned_nothing, pays_to_start_over
from rules.remedies import advice, begin_anew, new_start, possible
from rules.vocabulary import Evidence, Finding, Fix, Severity, rule
from rules.wording import of_rate

PLAIN = frozenset({"sgd", "momentum", "nesterov"})
RARE_SHARE = 0.2
"""Of the inputs: images and scaled tables of the fault bench come down to .4 at the least, lines of text to .14 at the most."""
CLOSED_SHARE = 0.3
"""Of the loss, carefully said (OPT102)."""


@rule("OPT115")
def rare_inputs(
    run: RunFacts, task: TaskFacts, loss: LossFacts, layers: LayerFacts, knobs: KnobFacts, probes: ProbeFacts
) -> Finding | None:
    """Find a run that learns slowly because one step length serves frequent and rare inputs."""
    shares = [(one.input_share, one.name) for one in layers.layers if isfinite(one.input_share)]
    share, where = min(shares, default=(1.0, ""))
    optimizer = str(knobs.values.get("optimizer", ""))
    plain = optimizer in PLAIN and share <= RARE_SHARE and layers.checks >= LAYER_CHECKS
    if not plain or not run.warm or not pays_to_start_over(run):
        return None
    turns = knobs.can("optimizer", "lr")
    asked = turns and "adaptive_sweep" not in probes.done
    if not creeps(run, task, loss) or (turns and not asked and not isfinite(probes.adaptive_pick)):
        return None
    begin = (
        () if asked or not turns else possible(knobs, _adaptive(probes.adaptive_pick, lost=learned_nothing(task, loss)))
    )
    return Finding(
        code="OPT115",
        name="rare_inputs",
        severity=Severity.INFO if asked else Severity.WARNING,
        message=f"{share:.2g} of the inputs of {where} take a step's gradient, the others are rare, and {optimizer} at lr "
        f"{of_rate(knobs.number('lr'))} moves all by one rate",
        evidence=(
            Evidence(fact="layers.input_share", value=share, limit=RARE_SHARE),
            Evidence(fact="loss.now", value=heads_for(run, task, loss), limit=HIGH_LOSS_SHARE * task.baseline_loss),
        ),
        causes=("rare inputs under one rate", "the rate is too low"),
        probes=("adaptive_sweep",) if asked else (),
        explains=("OPT102", "OPT103", "OPT104", "OPT109", "GEN102", "GEN103", *(() if asked else ("DAT112",))),
        eased_by_knobs=True,
        fixes=(
            *((_sweep_first(),) if asked else begin),
            advice("train with torch.optim.AdamW in place of SGD", improves="loss"),
        ),
    )


def _sweep_first() -> Fix:
    return new_start().model_copy(update={"name": "start over with adamw at a rate that a sweep picks"})


def _adaptive(rate: float, *, lost: bool) -> Fix:
    small = f"{CLOSED_SHARE:.0%} of the loss: what a better step length gained on small runs, at the least"
    return begin_anew(
        f"adamw at lr {rate:.2g}",
        lost=lost,
        expected=CLOSED_SHARE,
        estimated_by="applied, not tried: nothing was learned that could be lost" if lost else small,
        optimizer="adamw",
        lr=rate,
    )
