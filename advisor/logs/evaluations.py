"""The evaluations of a log: loss and metric on the validation split, put together by where they lie."""

from collections.abc import Mapping, Sequence
from math import isfinite, nan
from statistics import median

from advisor.logs.curve import Point
from advisor.logs.names import Roles
from advisor.logs.telling import Said, noise_of, share_of
from rules.facts import Evaluation
from rules.remedies import advice
from rules.vocabulary import Evidence, Finding, Severity

HELD_EVALUATIONS = 2
"""Evaluations since a climb began: one may still be of the weights before it."""
HELD_SHARE = 0.2
"""Over the least validation loss before, of the median since: what the steps of a sound training swing by. Where a training loss climbs
by a half, weights that diverge lose as much on others."""
LEAST_NUMBERS = 2
"""Evaluations with a loss that is a number, before it is lost: fewer tell nothing of how often one was logged."""


def evaluations_of(series: Mapping[str, Sequence[Point]], roles: Roles, said: Said) -> list[Evaluation]:
    """Return the evaluations of a log, oldest first.

    Args:
        series: Role → its points.
        roles: What the metric is.
        said: What the user says of the validation examples.
    """
    losses = {point.at: point.value for point in series.get("val_loss", [])}
    scores = {point.at: point.value for point in series.get("metric", [])}
    trained = {point.at: point.value for point in series.get("train_metric", [])}
    finite = [value for value in (*scores.values(), *trained.values()) if isfinite(value)]
    if roles.is_share and finite:
        scores = {at: share_of(value, finite) for at, value in scores.items()}
        trained = {at: share_of(value, finite) for at, value in trained.items()}
    main = scores or losses
    past: list[float] = []
    made = []
    for at in sorted({*losses, *scores}):
        metric = main.get(at, nan)
        past.append(metric)
        error = noise_of(metric, roles, said, [one for one in past if isfinite(one)])
        made.append(Evaluation(int(at), losses.get(at, nan), metric, error, train_metric=trained.get(at, nan)))
    return made


def hold(evaluations: Sequence[Evaluation], since: float) -> bool:
    """Tell whether the validation examples are known as well as ever since a step.

    Weights that diverge lose them too. Where they do not, it is the training examples that grew harder: a curriculum, stronger
    augmentation, a mixture that changes.
    """
    late = [one.loss for one in evaluations if one.step > since]
    least = min((one.loss for one in evaluations if one.step <= since and isfinite(one.loss)), default=nan)
    return len(late) >= HELD_EVALUATIONS and median(late) - least <= HELD_SHARE * abs(least)


def of_no_step(found: Finding) -> Finding:
    """Return the finding of tensors that no step moves, in the words of the curve that shows it."""
    said = "no step moves a weight: loss and metric are the same at every evaluation"
    causes = ("a learning rate of 0", "the optimizer holds other parameters than the net")
    return found.model_copy(update={"message": said, "causes": causes})


class LostValidation:
    """Follows the validation loss for the moment from which on it is no number.

    Some writers put NaN into every row without an evaluation: only a longer stretch than any between two numbers is a loss.
    """

    def __init__(self) -> None:
        self._numbers = self._in_a_row = self._longest = 0
        self._onset = 0

    def push(self, point: Point) -> None:
        """Take the next validation loss."""
        if point.non_finite == point.rows:
            self._onset = self._onset if self._in_a_row else int(point.non_finite_at)
            self._in_a_row += point.non_finite
            return
        self._longest = max(self._longest, self._in_a_row) if self._numbers else 0
        self._numbers += 1
        self._in_a_row = 0

    def finding(self) -> Finding | None:
        """Return what is to be said now; nothing while the loss is a number."""
        if self._numbers < LEAST_NUMBERS or self._in_a_row <= self._longest:
            return None
        return Finding(
            code="NUM101",
            name="non_finite",
            severity=Severity.WARNING,
            message=f"the validation loss is not a number since step {self._onset}, and the training loss is one",
            evidence=(Evidence(fact="validation.evaluations", value=self._in_a_row, limit=self._longest),),
            causes=(
                "half precision that overflows in evaluation",
                "statistics of a normalisation that are no numbers",
                "a validation example that is no number",
            ),
            explains=("GEN102", "OPT104", "OPT105"),
            fixes=(
                advice("evaluate the validation examples one by one, in full precision, and look for the first NaN"),
            ),
        )
