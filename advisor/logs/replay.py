"""A log heard again from its first row: the facts of each moment, put to the same rules that watch our own runs.

Nothing can be tried on a training that is not ours, and no probe can be made: what a rule would ask a probe for stays a
suspicion, and what it hangs on and the log lacks makes it «not assessed».
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import ceil, inf, isfinite, nan

from advisor.deciding.assess import Assessment, Standing, follow
from advisor.logs.advice import tells_a_saving
from advisor.logs.curve import Point, added
from advisor.logs.evaluations import LostValidation, evaluations_of, hold, of_no_step
from advisor.logs.frame import Frame
from advisor.logs.loss import LEAST_FALL_ROWS, LossRows
from advisor.logs.names import Roles
from advisor.logs.rate import BY_HEART_SHARE, Sign, Way, of_steps_too_long, of_steps_too_short, sign_of
from advisor.logs.telling import (
    HANGS_ON,
    PRETRAINED_FACTOR,
    THROWN_SHARE,
    Known,
    Said,
    knobs,
    known,
    setting,
    without_stand_ins,
)
from advisor.signals.windows import median_of, quantile_of
from rules.facts import (
    BranchFacts,
    Evaluation,
    Facts,
    GradientFacts,
    KnobFacts,
    LayerFacts,
    ModelFacts,
    ProbeFacts,
    RunFacts,
    TaskFacts,
    ValidationFacts,
)
from rules.learning import CHANCE_SHARE, LAST_PROBE_SHARE, LEARNED_SHARE
from rules.vocabulary import Finding, Rule

MOMENTS = 200
"""Assessments of one log: twice as many as a smoothed curve has points."""
CHECKED = 3
"""Measurements of the layers that rules want; a rate of 0 is as sure as three."""
OF_A_RATE = ("OPT101", "OPT102")
"""Rules that ask whether steps are too long or too short: a rate of 0 makes none. They ask of the rate that was set, the highest
so far: that a schedule took it to 0 says nothing."""
OF_A_SLOW_FALL = ("OPT102",)
"""Rules that take a loss that falls too slowly for steps that are too short: here no sweep can tell the other cause."""
OF_A_CLIMB = "NUM102"
"""The rule that takes a training loss that climbs for weights that diverge."""
OF_NO_NUMBER = "NUM101"
"""The rule that asks of a loss whether it is a number, and not how high."""
OF_RATE_0 = "any weight"
UNMOVED = "all, as a validation loss shows that is the same at every evaluation"
VALIDATION_LOSS = "validation loss"
"""The metric of a log that has no other."""


@dataclass(frozen=True)
class Seen:
    """A finding, and from when to when it stood."""

    finding: Finding
    step: int
    cleared_step: int | None = None


@dataclass
class Replay:
    """What the rules say of a log, up to its newest row."""

    known: Known
    seen: dict[str, Seen] = field(default_factory=dict)
    passed: tuple[str, ...] = ()
    not_assessed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    evaluations: tuple[Evaluation, ...] = ()
    loss: list[Point] = field(default_factory=list)
    rates: dict[float, float] = field(default_factory=dict)
    norms: list[Point] = field(default_factory=list)
    step: int = 0
    metric: str = ""
    higher_is_better: bool = True
    sign: Sign = field(default_factory=Sign)


def replay(frame: Frame, roles: Roles, said: Said, rules: Sequence[Rule]) -> Replay:
    """Put a whole log to the rules, moment by moment. Pure: no clock, no file."""
    told = known(frame, roles, said)
    heard = _Heard(frame, roles, said, told, rules)
    every = max(told.steps_total / MOMENTS, 1.0)
    assessed_at = -every
    steps = heard.steps()
    for place, step in enumerate(steps):
        heard.hear(step)
        if step - assessed_at >= every or place == len(steps) - 1:
            heard.assess()
            assessed_at = step
    heard.last_word()
    return heard.result


class _Heard:
    """The state of a replay: what was heard so far, and the standings."""

    def __init__(self, frame: Frame, roles: Roles, said: Said, told: Known, rules: Sequence[Rule]) -> None:
        self.frame, self.roles, self.said, self.known, self.rules = frame, roles, said, told, rules
        only_loss = not roles.has("metric")
        self.result = Replay(
            told,
            metric=VALIDATION_LOSS if only_loss else roles.metric,
            higher_is_better=roles.higher_is_better and not only_loss,
        )
        series = {role: self._series(role) for role in roles.columns}
        series["loss"] = without_stand_ins(series.get("loss", []), series.get("grad_norm", []))
        self.result.loss, self.result.norms = series["loss"], series.get("grad_norm", [])
        self._loss = {point.at: point for point in self.result.loss}
        self._norm = {point.at: point for point in self.result.norms}
        self._rate = {point.at: point for point in series.get("lr", [])}
        self._evaluations = {one.step: one for one in evaluations_of(series, roles, said)}
        self._judged = {int(point.at): point for point in series.get("val_loss", [])}
        self._lost = LostValidation()
        loss = self.result.loss
        gaps = [after.at - before.at for before, after in pairwise(loss)]
        row_steps = max(median_of(gaps), 1.0) if gaps else 1.0
        untrained = told.baseline_loss if told.baseline_sure else inf
        self.rows = LossRows(told.steps_total, row_steps, len(loss), untrained, row_is_epoch=self._by_epoch)
        self._open = {
            rule.code: (
                *(one for one in HANGS_ON.get(rule.code, ()) if one not in told.told),
                *(
                    (f"a loss that has to fall: {roles.no_measure}",)
                    if roles.no_measure and "loss" in rule.needs and rule.code != OF_NO_NUMBER
                    else ()
                ),
            )
            for rule in rules
        }
        """Code → what its answer hangs on and nobody knows."""
        self.standings: dict[str, Standing] = {}
        self.newest = Assessment()
        self._evaluated: list[Evaluation] = []
        self._norms: list[float] = []
        self._last_stood: dict[str, RunFacts] = {}

    @property
    def _by_epoch(self) -> bool:
        return self.frame.axis == "epoch"

    def steps(self) -> list[float]:
        """Return all places of the log, in order."""
        return sorted({*self._loss, *self._norm, *self._rate, *map(float, self._evaluations)})

    def hear(self, step: float) -> None:
        """Take in all that was logged at one step."""
        norm, loss = self._norm.get(step), self._loss.get(step)
        if norm is not None and isfinite(norm.value):
            self._norms.append(norm.value)
        if loss is not None:
            self.rows.push(loss, gradient_lost=norm is not None and norm.non_finite == norm.rows)
        if (rate := self._rate.get(step)) is not None:
            self.result.rates[step] = rate.value
        if (evaluation := self._evaluations.get(int(step))) is not None:
            self._evaluated.append(evaluation)
            if (judged := self._judged.get(int(step))) is not None:
                self._lost.push(judged)
        self.result.step = int(step)

    def assess(self) -> None:
        """Put the facts of now to every rule, and follow what stands."""
        facts = self._facts()
        self.newest = self._asked(facts)
        before = dict(self.standings)
        followed = follow(self.standings, self.newest, self.result.step)
        self.standings = dict(followed.standings)
        for code in followed.found:
            standing = self.standings[code]
            first = self.result.seen.get(code)
            step = standing.step if first is None or first.cleared_step is not None else first.step
            self.result.seen[code] = Seen(standing.finding, step)
        for code in followed.cleared:
            self.result.seen[code] = Seen(before[code].finding, before[code].step, self.result.step)
        for finding in self.newest.findings:
            if self.standings[finding.code].stands and not tells_a_saving(finding):
                self.result.seen[finding.code] = replace(self.result.seen[finding.code], finding=finding)

    def last_word(self) -> None:
        """Close the books: what passed, what nobody can say."""
        stand = {code for code, standing in self.standings.items() if standing.stands}
        heard = {*self.newest.passed, *(finding.code for finding in self.newest.findings)}
        self.result.passed = tuple(sorted(heard - stand))
        self.result.not_assessed = {
            code: missing for code, missing in self.newest.not_assessed.items() if code not in stand
        }
        self.result.errors = dict(self.newest.errors)
        self.result.evaluations = tuple(self._evaluated)

    def _asked(self, facts: Facts) -> Assessment:
        findings: list[Finding] = []
        passed: list[str] = []
        not_assessed: dict[str, tuple[str, ...]] = {}
        errors: dict[str, str] = {}
        sign = self.result.sign = sign_of(self._evaluated, is_share=self.roles.is_share)
        still = OF_RATE_0 if self._rate_is_zero() else UNMOVED if sign.unmoved and not self._has_fallen() else ""
        lost = None if self.rows.lost_now else self._lost.finding()
        for rule in self.rules:
            if rule.code == OF_NO_NUMBER and lost is not None:
                findings.append(lost)
                continue
            open_ = self._open[rule.code]
            if still and rule.code in OF_A_RATE and rule.code not in self.standings:
                open_ = ("steps that move something",)
            if rule.code in OF_A_SLOW_FALL and self._has_not_fallen():
                open_ = ("a loss that moves: with a rate far too low and one far too high it stands alike",)
            elif rule.code in OF_A_SLOW_FALL and self.rows.taken < LEAST_FALL_ROWS:
                open_ = (*open_, "loss")
            groups = self._implied(rule, facts, still)
            if missing := (*Facts(groups).missing(rule.needs), *open_):
                not_assessed[rule.code] = missing
                continue
            try:
                finding, sure = self._ask(rule, groups)
            except KeyError as unknown:
                not_assessed[rule.code] = (f"the setting {unknown.args[0]}",)
                continue
            except Exception as raised:  # a rule may be a stranger's: what it raises is ours to record
                errors[rule.code] = f"{raised.__class__.__name__}: {raised}"
                continue
            if rule.code == "OPT108" and still == UNMOVED and finding is not None:
                finding = of_no_step(finding)
            if rule.code == OF_A_CLIMB and hold(self._evaluated, self.result.step - self.rows.above_best_steps):
                finding = None
            if rule.code in OF_A_RATE:
                finding, sure = self._by_the_curves(rule.code, finding, sure, sign)
            if not sure:
                not_assessed[rule.code] = ("the loss of guessing",)
            elif finding is None:
                passed.append(rule.code)
            else:
                findings.append(finding)
        return Assessment(tuple(findings), tuple(passed), not_assessed, errors)

    def _by_the_curves(self, code: str, found: Finding | None, sure: bool, sign: Sign) -> tuple[Finding | None, bool]:
        """Return what the curves make of a rule's answer on the rate, and whether that is sure."""
        rate = self._highest_rate()
        if code == "OPT102":
            if found is None or (sign.told and sign.way is not Way.LOW):
                return None, sure or sign.told
            return of_steps_too_short(found, sign, rate), sure
        by_heart = self.rows.known and self.rows.now < BY_HEART_SHARE * sign.loss
        shown = of_steps_too_long(sign, rate, by_heart=by_heart)
        return (found, sure) if shown is None else (shown, True)

    def _highest_rate(self) -> float:
        """Return the highest rate that was logged, or set; NaN where none was."""
        rates = [rate for rate in self.result.rates.values() if isfinite(rate)]
        told = setting(self.frame, "lr")
        return max(rates) if rates else nan if told is None else told

    def _ask(self, rule: Rule, groups: dict[str, object]) -> tuple[Finding | None, bool]:
        """Return what a rule says, and whether that holds for any loss of guessing that is possible here."""
        finding = self._ask_in_time(rule, groups)
        task = groups.get("task")
        if self.known.baseline_sure or "task" not in rule.needs or not isinstance(task, TaskFacts):
            return finding, True
        other = replace(task, baseline_loss=PRETRAINED_FACTOR * task.baseline_loss)
        return finding, (finding is None) == (self._ask_in_time(rule, {**groups, "task": other}) is None)

    def _ask_in_time(self, rule: Rule, groups: dict[str, object]) -> Finding | None:
        """Ask a rule; one that is silent only because the run nears its end has not seen its finding go.

        Rules fall silent when a fix would come too late. Nothing is fixed here, so a finding that stood is asked for
        again as if the run stood where it was seen last.
        """
        needed = {name: groups[name] for name in rule.needs}
        run = groups.get("run")
        finding: Finding | None = rule(**needed)
        if finding is not None:
            if isinstance(run, RunFacts):
                self._last_stood[rule.code] = run
            return finding
        stood = self._last_stood.get(rule.code)
        if stood is None or "run" not in needed or not isinstance(run, RunFacts) or run.progress < LAST_PROBE_SHARE:
            return None
        longer = replace(run, steps_total=ceil(run.step / stood.progress) + 1 if stood.progress else run.steps_total)
        again = rule(**{**needed, "run": longer})
        if again is None or rule.code not in self.result.seen:
            return again
        former = self.result.seen[rule.code].finding
        return former if rule.code in OF_A_RATE or tells_a_saving(former) else again

    def _implied(self, rule: Rule, facts: Facts, still: str) -> dict[str, object]:
        """Return the groups for a rule, with what the log implies.

        A rate that was 0 on every row, or a validation loss that never changed, implies that no step moves a tensor; a newest loss that is no number, that the
        trouble is not over, however long the smoothed loss outlives it.
        """
        if rule.code == "NUM101" and self.rows.lost_now and self.rows.known:
            return {**facts.groups, "loss": replace(self.rows.facts(), now=inf)}
        if rule.code == "OPT108" and still:
            layers = LayerFacts(layers=(), checks=CHECKED, unchanged=(still,))
            model = ModelFacts(parameters=0, layers=0, has_conv=False, has_norm=False, has_dropout=False)
            return {**facts.groups, "layers": layers, "model": model}
        if rule.code in OF_A_RATE:
            return {**facts.groups, "knobs": self._knobs(self._highest_rate())}
        return dict(facts.groups)

    def _knobs(self, rate: float) -> KnobFacts:
        return knobs(self.frame, rate, self.result.rates, self.known.steps_total)

    def _has_not_fallen(self) -> bool:
        """Tell whether the loss stands, or has only come down to guessing from where the first steps threw it."""
        guessing = self.known.baseline_loss
        thrown = self.rows.first > (1 + THROWN_SHARE) * guessing
        return self.rows.stands or (thrown and self.rows.best >= CHANCE_SHARE * guessing)

    def _has_fallen(self) -> bool:
        """Tell whether the training loss has fallen, so that steps do move something."""
        return self.rows.known and self.rows.now < LEARNED_SHARE * self.rows.first

    def _rate_is_zero(self) -> bool:
        rates: list[float | None] = [*self.result.rates.values()] or [setting(self.frame, "lr")]
        return all(rate == 0 for rate in rates)

    def _facts(self) -> Facts:
        groups: dict[str, object] = {
            "run": self._run(),
            "gradients": self._gradients(),
            "knobs": self._knobs(next(reversed(self.result.rates.values()), nan)),
            "probes": ProbeFacts(),
            "branch": BranchFacts(),
        }  # fmt: skip
        if isfinite(self.known.baseline_loss):
            groups["task"] = self._task()
        if self.rows.known:
            groups["loss"] = self.rows.facts()
        if self._evaluated:
            groups["validation"] = ValidationFacts(tuple(self._evaluated), self.result.higher_is_better)
        return Facts(groups)

    def _run(self) -> RunFacts:
        per_epoch = self.known.steps_per_epoch
        return RunFacts(
            step=self.result.step,
            steps_total=self.known.steps_total,
            epoch=self.result.step / per_epoch if per_epoch else 0.0,
            steps_per_epoch=per_epoch,
            batch_size=self.known.batch_size,
        )

    def _task(self) -> TaskFacts:
        classes = tuple(str(at) for at in range(self.said.classes))
        return TaskFacts(
            kind="classification" if self.roles.is_share or classes else "unknown",
            inputs="other",
            classes=classes,
            train_examples=0,
            val_examples=self.said.val_examples,
            metric=self.result.metric,
            higher_is_better=self.result.higher_is_better,
            baseline_metric=self.known.baseline_metric,
            baseline_loss=self.known.baseline_loss,
        )

    def _gradients(self) -> GradientFacts:
        """Return the gradient norms; NaN where the log has none, which rules take for «not known»."""
        return GradientFacts(
            at_start=median_of(self._norms[:20]),
            now=median_of(self._norms[-50:]),
            p90=quantile_of(self._norms[-500:], 0.9),
            largest=max(self._norms[-50:], default=nan),
        )

    def _series(self, role: str) -> list[Point]:
        """Return the points of a role over steps; several columns are added up where they share their places."""
        columns = [self.frame.columns[name].points for name in self.roles.columns[role] if name in self.frame.columns]
        if not columns:
            return []
        points = columns[0]
        for other in columns[1:]:
            if len(other) == len(points):
                points = [added(a, b) for a, b in zip(points, other, strict=True)]
        shift = 1.0 if self._by_epoch and any(curve.first_at == 0 for curve in self.frame.columns.values()) else 0.0
        return [
            replace(
                point,
                at=(point.at + shift) * self.known.steps_per_row,
                non_finite_at=(point.non_finite_at + shift) * self.known.steps_per_row,
            )
            for point in points
        ]
