"""What it means that a run learns badly: the signal that gradient and layer rules need beside their own.

Published thresholds on gradients and activations alarm on healthy runs; together with a loss that neither is low nor
falls they do not.
"""

from math import inf, isfinite

from rules.facts import KnobFacts, LossFacts, ProbeFacts, RunFacts, TaskFacts

CHANCE_SHARE = 0.98
"""Share of the chance loss: within 2 % of the best constant predictor, nothing has been learned."""
HIGH_LOSS_SHARE = 0.5
"""Share of the chance loss: above a half, most of what can be learned is still ahead."""
STALLED_FALL_SHARE = 0.02
"""Fall over a tenth of the run: a healthy run that is far from its end falls faster."""
LEAST_RISE_SHARE = 0.1
"""Over the first loss (or chance): the first one is of a single batch, and off by some per cent."""
MOST_NOISE_SHARE = 0.35
"""Over it, where the batches differ by more: so far did smoothed losses of healthy regressions come up in their first
steps; a wider spread is no excuse, it is the mark of steps that are too long."""
STOOD_STILL = 0.05
"""Way of the weights so far, in lengths of theirs: .4 and more wherever a rate was too high, in the first twentieth
of the run, .06 at the most at a hundredth of a good one by its end (fault bench)."""
LONG_WAY = 0.4
"""See above."""
THROWN_FACTOR = 2.5
"""Times the first loss (or chance), of a single step: 1.6 is the most that 40 healthy runs came up to, and 3.4 the least
of eleven runs at 20 times their rate or more (first twentieth of the run, fault bench)."""
FAR_START_FACTOR = 2.0
"""Times the chance loss: only a net whose outputs are on another scale than its target starts that far off."""
START_SPREADS = 3.0
"""Spreads of the batch loss, for such a start: a target that was not scaled gave a first batch 30 % below the rest."""
LAYER_CHECKS = 3
"""Measurements of the layers: fewer are moved by one batch, or fall on a skipped step."""
LAST_PROBE_SHARE = 0.8
"""Of the run: what a probe finds out later cannot pay for it any more."""
SUSPECTED_SHARE = 0.05
SUSPECTED_STEPS = 20
SUSPECTED_SHORT_SHARE = 0.2
"""Of the run, and 20 steps at least (a fifth of a run of some dozen): from then on a rate is suspected. A suspicion alarms
nobody, it asks for a sweep."""
RISE_SHARE = 0.10
"""Of the run: a loss that rises here, before the net knew anything, was thrown up by its first steps."""
LEARNED_SHARE = 0.8
"""Of the chance loss: a net that has been below it has learned something; a rise after that has another cause."""
FAINT_SHARE = 0.05
"""Of the outputs, that is left of them to the inputs: a net as it is drawn gives them a third or more, and what is masked, or
averaged with padding, a hundredth."""
QUIET_NOISE_SHARE = 0.5
"""Spread over smoothed loss: batches of a regression differ by .35 at any rate; more is the mark of long steps."""
TENTH = 0.1
"""Of the run: what `LossFacts.fall_share` looks back over."""
STEEP_FALL_SHARE = 0.1
"""Over a tenth of the run: a smaller fall may be the noise of batches."""
LEVEL_SHARE = 0.25
"""Of the pace so far."""
NOTHING_SHARE = 0.9
"""Of the chance loss: above it a new start gives up nothing that was learned."""
START_OVER_SHARE = 0.50
"""Of the run: until then a new start pays. The pick in place mended 14 of 60 bad starts, from step 0 48 (measured)."""
SHORT_STEPS = 100
SHORT_START_OVER_SHARE = 0.90
"""Of a run of fewer steps: half of it is over when there is anything to judge by, and it is done again in a moment."""
LOST_FACTOR = 2.0
"""Times the loss of an untrained net: no healthy run is that wrong (NUM102)."""
CLIMB_STEPS = 10
"""Steps over 1.5 × the least smoothed loss, up to where guessing is better: half of what NUM102 waits for, for where this is
asked the cause is known."""
LOST_SHARE = 0.20
"""Of the run: later, beginning anew costs more than it is worth untried."""
SWEEP_FACTOR = 10.0
"""No sweep of 90 disagreed tenfold with a good rate (bad starts, measured): by itself it says that a rate is wrong."""
SWEEP_MARGIN = 3.0
"""A threefold disagreement is one in six of good rates, nine in ten of rates ten times too high: it needs a symptom."""


def at_chance(task: TaskFacts, loss: LossFacts) -> bool:
    """Tell whether the smoothed loss is no better than the best constant predictor's."""
    return loss.now >= CHANCE_SHARE * task.baseline_loss


def stalled_high(task: TaskFacts, loss: LossFacts) -> bool:
    """Tell whether the loss is high and has stopped falling, or is not a number at all."""
    high = not loss.now <= HIGH_LOSS_SHARE * task.baseline_loss
    return high and not loss.fall_share >= STALLED_FALL_SHARE


def learns_badly(run: RunFacts, task: TaskFacts, loss: LossFacts) -> bool:
    """Tell whether a run that has warmed up is stuck at a high loss; one that is no number is NUM101's matter."""
    return run.warm and isfinite(loss.now) and stalled_high(task, loss)


def suspected(run: RunFacts) -> bool:
    """Tell whether the run is old enough to ask whether its rate is right."""
    least = min(SUSPECTED_STEPS, SUSPECTED_SHORT_SHARE * run.steps_total)
    return run.step >= max(least, SUSPECTED_SHARE * run.steps_total)


def heads_for(run: RunFacts, task: TaskFacts, loss: LossFacts) -> float:
    """Return where a straight line through the loss ends with the run: it flatters every curve that flattens.

    What a net loses on its way down to the constant predictor does not count, however far above it began: that is the bias of
    its outputs, and tells nothing of what it will learn. Nor does what the first batch lies above the next ones. Only of a net that
    began far above and is below by now the whole way counts: its steps are no short ones.
    """
    start, since = min(loss.at_start, task.baseline_loss), 0
    if loss.at_start > FAR_START_FACTOR * task.baseline_loss > FAR_START_FACTOR * loss.now:
        start = loss.at_start
    elif loss.curve and loss.curve[0][1] < start:
        since, start = loss.curve[0]
    return loss.now - max(start - loss.now, 0.0) / max(run.step - since, 1) * run.steps_left


def creeps(run: RunFacts, task: TaskFacts, loss: LossFacts) -> bool:
    """Tell whether the run will end before it has learned much, from a loss that never rose on the way."""
    on_the_way = not rose(run, task, loss) and loss.above_best_steps == 0 and loss.non_finite_in_50 == 0
    quiet = loss.noise_share <= QUIET_NOISE_SHARE and not _nears_guessing(task, loss)
    return on_the_way and quiet and heads_for(run, task, loss) > HIGH_LOSS_SHARE * task.baseline_loss


def _nears_guessing(task: TaskFacts, loss: LossFacts) -> bool:
    """Tell whether a loss above that of guessing falls so fast that it is below it in another tenth of the run.

    Until then a line says nothing of where it ends; only where it takes longer, the way down to guessing is itself too long.
    """
    falls = loss.now > task.baseline_loss and loss.fall_share >= STEEP_FALL_SHARE
    return falls and loss.now * (1 - loss.fall_share) < task.baseline_loss


def levels_off(run: RunFacts, task: TaskFacts, loss: LossFacts) -> bool:
    """Tell whether a loss that has fallen falls no more: steps that are too short go on falling as they did."""
    fallen = min(loss.at_start, task.baseline_loss) - loss.now
    pace = fallen / max(run.progress, TENTH) * TENTH
    return not learned_nothing(task, loss) and loss.fall_share * loss.now < LEVEL_SHARE * pace


def has_not_begun(run: RunFacts, task: TaskFacts, loss: LossFacts) -> bool:
    """Tell whether a run that has warmed up learns badly, or has only come down to chance from where it began.

    A net whose last bias alone learns falls to chance and no further: together with layers that no gradient reaches, or whose
    units are dead, that need not be watched for longer.
    """
    return learns_badly(run, task, loss) or (run.warm and isfinite(loss.now) and at_chance(task, loss))


def lost_early(run: RunFacts, task: TaskFacts, loss: LossFacts) -> bool:
    """Tell whether a run has come to nothing so far, and still lies near its beginning: there is nothing to compare."""
    untrained = max(loss.at_start, task.baseline_loss)
    worse = loss.non_finite_in_50 > 0 or not loss.now <= LOST_FACTOR * untrained
    climbs = loss.above_best_steps >= CLIMB_STEPS and at_chance(task, loss)
    return run.progress <= LOST_SHARE and (worse or climbs)


def lost_or_thrown(run: RunFacts, task: TaskFacts, loss: LossFacts) -> bool:
    """Tell whether the run has come to nothing so far, or was thrown up in its first steps and still is high."""
    thrown = thrown_up(task, loss) and loss.now > HIGH_LOSS_SHARE * task.baseline_loss
    return lost_early(run, task, loss) or (run.progress <= LOST_SHARE and thrown)


def stood_still(run: RunFacts) -> bool:
    """Tell whether the weights have hardly moved so far: what such a net loses it lost untrained."""
    return run.walked < STOOD_STILL


def wandered(run: RunFacts, task: TaskFacts, loss: LossFacts) -> bool:
    """Tell whether the weights have gone a long way and the net guesses as before: its steps are anything but too short."""
    return run.walked >= LONG_WAY and at_chance(task, loss)


def rose(run: RunFacts, task: TaskFacts, loss: LossFacts) -> bool:
    """Tell whether steps have driven the loss well above where it began: those that are too short never do that.

    What a net loses more whose weights have not moved is the difference of its batches.
    """
    return not stood_still(run) and max((value for _, value in loss.curve), default=loss.now) > _rise_limit(task, loss)


def rose_early(run: RunFacts, task: TaskFacts, loss: LossFacts) -> bool:
    """Tell whether the loss has risen so before anything was learned: later, a rise has another cause than the rate."""
    if stood_still(run):
        return False
    limit = _rise_limit(task, loss)
    for step, value in loss.curve or ((run.step, loss.now),):
        if value > limit:
            return True
        if value < LEARNED_SHARE * task.baseline_loss and step > RISE_SHARE * run.steps_total:
            return False
    return False


def thrown_up(task: TaskFacts, loss: LossFacts) -> bool:
    """Tell whether a single one of the first steps has driven the loss to a multiple of where it began.

    It may have come down since: dead and saturated units do not come back. Of a loss below zero there is no multiple.
    """
    start = max(loss.at_start, task.baseline_loss)
    return start > 0 and loss.highest_early > THROWN_FACTOR * start


def _rise_limit(task: TaskFacts, loss: LossFacts) -> float:
    far = loss.at_start > FAR_START_FACTOR * task.baseline_loss
    noise = min(max(loss.noise_share, LEAST_RISE_SHARE), MOST_NOISE_SHARE)
    spread = START_SPREADS * loss.noise_share if far else 0.0
    start = max(loss.at_start, task.baseline_loss)
    if not start > 0:
        return inf
    if loss.curve and not thrown_up(task, loss):  # the first batch was lucky, or small
        start = max(start, loss.curve[0][1])
    return (1 + noise) * (1 + spread) * start


def pays_to_start_over(run: RunFacts) -> bool:
    """Tell whether a new start is worth the steps that it gives up."""
    return run.progress <= (SHORT_START_OVER_SHARE if run.steps_total < SHORT_STEPS else START_OVER_SHARE)


def learned_nothing(task: TaskFacts, loss: LossFacts) -> bool:
    """Tell whether a new start gives up nothing: the loss is hardly below a constant predictor's, or below where it began.

    Weights can be lucky, or come from elsewhere: a loss that is high still and has not fallen gives up nothing either.
    """
    first = loss.curve[0][1] if loss.curve else loss.at_start
    began = max(first, loss.at_start) if isfinite(loss.at_start) else first
    if began < task.baseline_loss and loss.now > HIGH_LOSS_SHARE * task.baseline_loss:
        return not loss.now < NOTHING_SHARE * began
    return not loss.now < NOTHING_SHARE * task.baseline_loss


def skill(task: TaskFacts, metric: float) -> float:
    """Return how far a metric is on the way from the constant predictor (0) to perfection (1); NaN stays NaN."""
    perfect = 1.0 if task.higher_is_better else 0.0
    span = perfect - task.baseline_metric
    return (metric - task.baseline_metric) / span if span else 0.0


def rate_over_pick(knobs: KnobFacts, probes: ProbeFacts) -> float:
    """Return the rate over the sweep's pick; NaN when no sweep was made or it could not tell."""
    return knobs.number("lr") / probes.lr_pick if "lr_sweep" in probes.done else float("nan")
