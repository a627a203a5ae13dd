"""What the curves of a log say of its learning rate, in place of the sweep that nobody can make on a training that is over.

A validation loss is taken on the same examples each time, so that it has no noise of batches: what moves it are the steps.
Steps that are too short take it down evaluation by evaluation; steps that are too long throw it up and down, or have killed
the net, which then stands still. Measured on the logs that `tests/logs/RESULTS.md` tells of.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import pairwise
from math import exp, isfinite, log
from statistics import median

from rules.facts import Evaluation
from rules.remedies import advice, new_start, start_over
from rules.vocabulary import Evidence, Finding, Fix, Severity

FIRST_SHARE = 1 / 3
"""Of the evaluations: on the way down every loss is straight, and a throw of the first steps comes down straight, too."""
LEAST_CHANGES = 4
"""Evaluations after those, less one: fewer go one way by luck."""
STRAIGHT = 0.9
"""Net fall over all ups and downs: 0.95 is the least of 60 trainings at a tenth or a hundredth of a good rate."""
WANDERING = 0.5
"""Likewise: 0.3 is the most of 21 trainings that a rate that was too high had harmed. A loss that rises all the way is no
matter of the rate alone."""
LEAST_STIR = 0.001
"""Of the loss, the usual change from evaluation to evaluation: a net that nothing can be learned from stirs less."""
WILD_STIR = 0.1
"""Of the loss: so much it changes where its height is no constant that was added to it."""
MOST_CLASSES = 1000
"""Guessing among more is rare, and costs little more."""
BLOWN_FACTOR = 1.5
"""Times what it costs to guess so well among so many classes: healthy nets, and overfitted ones at their best, lose half of it."""
LARGEST_CHANCE = 0.6
"""e^-loss of guessing among two classes, with some room: a loss that is lower has learned."""
GUESS_FACTOR = 1.25
MANY_CLASSES_CHANCE = 0.15
"""Times e^-loss, which is the accuracy of guessing; seven classes and more."""
BY_HEART_SHARE = 0.95
"""Of the validation loss: a training loss below it learns what the validation examples do not bear out, labels by chance say."""
LUCK_ERRORS = 3.0
"""Standard errors."""
FELL_FACTOR = 2.0
"""Times the accuracy at the end: a net that was once so good has lost what it knew."""
BEGUN_SPAN = 0.1
"""Around e^-loss at the first evaluation: the training began from weights that knew nothing."""
FALLING_SHARE = 0.02
"""Of the loss, from one evaluation to the next: at the end of a training it has not come to rest."""
STEP_DOWN, STEP_UP = 0.1, 10.0
"""Of the rate: where no sweep can tell, an order of magnitude is what is tried first."""


class Way(Enum):
    """Which way the rate is wrong, if it is."""

    HIGH = "too high"
    LOW = "too low"
    OPEN = "open"


@dataclass(frozen=True)
class Sign:
    """What the evaluations say."""

    way: Way = Way.OPEN
    told: bool = False
    """There were enough evaluations to say anything."""
    guesses: bool = False
    """In the last third of them the net is no better than guessing."""
    fell: bool = False
    """It guesses, and had been far better."""
    stands: bool = False
    """The loss moved, and then stood still to the last digit."""
    unmoved: bool = False
    """The loss is the same to the last digit from the first evaluation on: no step moves a weight."""
    blown: bool = False
    """The loss is higher than any guessing, at an accuracy that shows that something was learned."""
    began_untrained: bool = False
    still_falling: bool = False
    """It fell at every late evaluation, and by some per cent at the last one."""
    loss: float = 0.0
    """Median of the late evaluations."""
    accuracy: float = 0.0


def sign_of(evaluations: Sequence[Evaluation], *, is_share: bool) -> Sign:
    """Return what the evaluations so far say of the rate; an open sign where they are too few.

    Args:
        evaluations: Oldest first.
        is_share: Their metric is an accuracy, 0 to 1.
    """
    told = [one for one in evaluations if isfinite(one.loss)]
    late = told[int(FIRST_SHARE * len(told)) :]
    if len(late) <= LEAST_CHANGES or len(told) < len(evaluations):
        return Sign()
    losses = [one.loss for one in late]
    changes = [after - before for before, after in pairwise(losses)]
    path, height = sum(map(abs, changes)), median(losses)
    stir = median(map(abs, changes)) / abs(height) if height else 0.0
    straight = -sum(changes) / path if path else 0.0
    unmoved = _stand(told)
    stands = not unmoved and _stand(late[-LEAST_CHANGES:])
    way = Way.OPEN
    if stands or (-STRAIGHT < straight <= WANDERING and stir >= LEAST_STIR):
        way = Way.HIGH
    elif straight >= STRAIGHT:
        way = Way.LOW
    falling = way is Way.LOW and -changes[-1] >= FALLING_SHARE * abs(losses[-2])
    sign = Sign(way, told=True, stands=stands, unmoved=unmoved, still_falling=falling, loss=height)
    if not is_share or any(not isfinite(one.metric) for one in told):
        return sign
    guesses = all(_guesses(one) for one in late[-LEAST_CHANGES:])
    best, accuracy = max(one.metric for one in told), median(one.metric for one in late)
    high = all(one.loss > BLOWN_FACTOR * dearest_guess(one.metric) for one in told)
    blown = high and (unmoved or (way is Way.HIGH and (stands or stir >= WILD_STIR)))
    return replace(
        sign,
        way=Way.HIGH if blown else way,
        stands=stands or (blown and unmoved),
        unmoved=unmoved and not blown,
        guesses=guesses,
        fell=guesses and best > FELL_FACTOR * accuracy,
        blown=blown,
        began_untrained=abs(told[0].metric - exp(-max(told[0].loss, 0.0))) <= BEGUN_SPAN,
        accuracy=accuracy,
    )


def _stand(evaluations: Sequence[Evaluation]) -> bool:
    """Tell whether loss and metric are the same at each: a loss alone may be logged as a constant, or rounded to one."""
    metrics = {one.metric for one in evaluations if isfinite(one.metric)}
    return len({one.loss for one in evaluations}) == 1 and len(metrics) <= 1


def dearest_guess(accuracy: float) -> float:
    """Return the cross entropy of who is right so often, knows how often, and guesses among a thousand classes else."""
    share = min(max(accuracy, 1e-9), 1 - 1e-9)
    return -share * log(share) - (1 - share) * log(1 - share) + (1 - share) * log(MOST_CLASSES)


def of_steps_too_long(sign: Sign, lr: float, *, by_heart: bool) -> Finding | None:
    """Return the finding of a rate that is too high, as far as the curves show it.

    Args:
        sign: What the evaluations say.
        lr: The rate that was logged; NaN where none was.
        by_heart: The training loss lies below the validation loss (`BY_HEART_SHARE`): then the steps do learn something.
    """
    lost = sign.guesses and not by_heart
    if sign.way is not Way.HIGH or not (lost or sign.blown):
        return None
    how = "stands still" if sign.stands else "goes up and down from evaluation to evaluation"
    if lost:
        before = ", after the net had known more" if sign.fell else ""
        said = f"the validation loss is {sign.loss:.3g}, no better than guessing{before}, and it {how}"
    else:
        most = dearest_guess(sign.accuracy)
        said = (
            f"the validation loss is {sign.loss:.3g} at an accuracy of {sign.accuracy:.0%}, where a guess as good costs "
            f"{most:.2g} at most, and it {how}"
        )
    return Finding(
        code="OPT101",
        name="rate_too_high",
        severity=Severity.ERROR if lost else Severity.WARNING,
        message=f"{said}: the learning rate is too high",
        evidence=(Evidence(fact="validation.evaluations", value=sign.loss, limit=dearest_guess(sign.accuracy)),),
        causes=("the learning rate is too high", "dead units after an early throw", "inputs of very large scale"),
        explains=("OPT102", "OPT103", "OPT104", "OPT105", "OPT106", "NUM102", "NUM103", "GEN101", "GEN102", "GEN103"),
        fixes=_at(lr, STEP_DOWN, "give a tenth of the learning rate"),
    )


def of_steps_too_short(found: Finding, sign: Sign, lr: float) -> Finding:
    """Return the suspicion of a rate that is too low, as the finding that the curves make of it.

    Only where the training began from nothing: a pretrained net that is tuned gently falls as slowly.
    """
    if sign.way is not Way.LOW or not sign.began_untrained:
        return found
    return found.model_copy(
        update={
            "severity": Severity.WARNING,
            "message": f"{found.message}; the validation loss fell a little at every evaluation, and never rose",
            "explains": ("OPT103", "OPT104", "GEN102", "GEN103"),
            "fixes": (*_at(lr, STEP_UP, "give ten times the learning rate"), advice("train for more epochs")),
        }
    )


def _at(lr: float, factor: float, else_: str) -> tuple[Fix, ...]:
    """Return the fix that takes another rate, or its words where nobody logged the rate."""
    if not (isfinite(lr) and lr > 0):
        return (advice(else_, improves="loss"), new_start())
    return (start_over("what it learned is not worth keeping", lr=factor * lr),)


def _guesses(one: Evaluation) -> bool:
    """Tell whether the accuracy is what goes with the loss where nothing is known of the single example.

    A net that knows something is right far more often than e^-loss. Of many classes a net that is thrown about loses more
    than a guess, so that e^-loss is below the accuracy of guessing.
    """
    chance = exp(-max(one.loss, 0.0))
    thrown = GUESS_FACTOR if chance <= MANY_CLASSES_CHANCE else 1.0
    return chance <= LARGEST_CHANCE and one.metric <= thrown * chance + LUCK_ERRORS * one.standard_error
