"""One finding and its fixes: how each would be tried, what has to be probed first, or why it is not tried."""

from collections.abc import Mapping
from dataclasses import replace
from math import inf

from advisor.deciding.budget import (
    LEAST_HORIZON,
    LONE_ARMS,
    PAIRED_ARMS,
    PAYS_BACK_HORIZONS,
    REPLAYED_ARMS,
    SHORTEST_HORIZON,
    ForkPlan,
    Reach,
    afford_fork,
    plan_replay,
    shortest_horizon,
    too_late_for_rounds,
)
from advisor.deciding.history import PROBE_STEPS, Attempt, History, shape_of
from advisor.deciding.options import AskProbe, No, Scene, Try
from advisor.trials.judge_average import EVALUATIONS
from advisor.trials.noise import SURE_REPLICATES
from advisor.trials.scoring import least_horizon, regularises, score_of, steadies
from rules.vocabulary import Deed, Effect, Finding, Fix, Severity
from trainer.knobs import Knob, KnobError

MOST_RESCUES = 3
"""The third time the same trouble comes back, no knob will end it (trials.md, «Rescue ladder»)."""
LOST_TWICE = 2
"""A rule whose fixes did not help so often is muted until the phase changes."""
IMPROVING_SHARE = 0.10
"""A smoothed loss that fell by so much over the last tenth of the run is left alone."""
AGREEMENT_PASSES = 20
"""Forward and backward passes on the same weights before other rounding is timed (trials.md)."""
SAME_PASSES = 3
"""The same for the same mathematics: another batch or random number shows in the first of them."""
REBUILD_S = 0.3
"""Seconds to rebuild a loader: between 0.03 by fork and 1.1 by spawn, measured (house.md)."""
REBUILDS = 2
"""One for the trial's arm, one when the turn is kept."""
COMPILE_S = 90.0
"""Seconds until a compiled pass is there: 18 and 28 of a processor for two small nets, up to 89 on a busy machine."""
STEP_PROBES = frozenset({"cached_batch", "fetched_batch", "throughput_screen"})
"""Probes that answer in seconds: in lockstep their answer would not repeat. What they tell is no condition of a fix: where
there is no room for them, rounds decide without."""
SCREEN_S = 10.0
"""Seconds that a screen of settings takes at the most (trainer/probing/screen.py)."""
SWEEPS = frozenset({"lr_sweep", "adaptive_sweep"})
"""Probes that pick the rate of a new start."""
TIMED_WITH_THE_BATCH = frozenset({"batch_size"})
"""Knobs that change what is learned and yet are judged by time alone, where that is what a fix improves: a batch is never
judged by a validation score (knobs.md)."""
ROUNDING = 0.1
"""Of the way between two evaluations: steps are counted whole, and an epoch need not be."""
_OF_THE_RUN = ("budget", "too late")
"""Reasons that hold for every fix of a finding alike: told once."""


def weigh(finding: Finding, history: History, scene: Scene) -> tuple[AskProbe | Try | No | None, list[No]]:
    """Return what can be done about one finding now, and the fixes that are ruled out before it.

    A `No` as the option waits: its reason passes by itself, and no later fix overtakes it.
    """
    refused: list[No] = []
    match None if history.frozen else _probe(finding, history, scene):
        case AskProbe() as asked:
            return asked, refused
        case str() as unpaid:
            return None, [No(finding.code, fix, unpaid) for fix in finding.fixes[:1]]
    for fix in finding.fixes:
        considered = consider(finding, fix, history, scene)
        match considered:
            case None:
                continue
            case No() if not considered.passes:
                if not any(considered.reason == no.reason in _OF_THE_RUN for no in refused):
                    refused.append(considered)
            case _:
                return considered, refused
    return None, refused


def _probe(finding: Finding, history: History, scene: Scene) -> AskProbe | str | None:
    """Return the probe that comes before any fix, why it cannot be paid for, or nothing where all is probed."""
    if scene.finished or (history.losses(finding.code, scene.phase) >= LOST_TWICE):
        return None
    unpaid = ""
    for probe in finding.probes:
        if probe in scene.probes_done or probe in history.asked or (scene.lockstep and probe in STEP_PROBES):
            continue
        cost, room = _probe_steps(probe, scene), _room_for_probes(finding, probe, scene)
        if cost > room and probe in STEP_PROBES:
            continue
        if cost > room:
            unpaid = (
                unpaid or f"budget: first comes the probe {probe} of {cost:.0f} steps, and there is room for {room:.0f}"
            )
            continue
        from_start = probe == "loss_at_init" or any(fix.deed is Deed.START_OVER for fix in finding.fixes)
        return AskProbe(finding.code, probe, from_start)
    return unpaid or None


def _probe_steps(probe: str, scene: Scene) -> float:
    """Return what a probe costs, in steps."""
    if probe == "throughput_screen" and scene.step_s > 0:
        return SCREEN_S / scene.step_s
    return PROBE_STEPS.get(probe, 1)


def _room_for_probes(finding: Finding, probe: str, scene: Scene) -> float:
    """Return how many steps a probe may cost: for an opportunity it must leave room for the fork that follows.

    A sweep borrows even where it is the second probe, if nothing was learned: of the others none leads to a new start.
    """
    match finding.severity:
        case Severity.ERROR:
            return inf
        case _ if any(fix.deed is Deed.START_OVER for fix in finding.fixes):
            lost = scene.learned_nothing and probe in SWEEPS
            return scene.budget.lost_room_steps if lost else scene.budget.suspicion_room_steps
        case Severity.WARNING:
            return scene.budget.probe_room_steps
        case _:
            return max(scene.budget.probe_room_steps - 2 * LEAST_HORIZON, 0.0)


def consider(finding: Finding, fix: Fix, history: History, scene: Scene) -> Try | No | None:
    """Return how a fix would be tried, why not, or nothing where there is nothing to say (it was tried, it holds)."""
    code = finding.code
    if fix.effect is Effect.NEEDS_A_PERSON or fix.deed is Deed.PERSON:
        return No(code, fix, "needs a person")
    if history.unwanted(code, fix):
        return No(code, fix, "vetoed: a person does not want it in this run")
    if fix.effect is Effect.RESCUE:
        return _rescue(code, fix, history, scene)
    if scene.finished != (fix.deed is Deed.COMPRESS):
        return None
    if finding.built_in and fix.deed is Deed.START_OVER and history.was_refused(code, fix):
        fix = _from_here(fix)  # two networks do not fit, or the user's factory gives no second one
    if history.tried(code, fix, scene.phase) or holds(fix, scene.knobs):
        return None
    if history.losses(code, scene.phase) >= LOST_TWICE and fix.deed is not Deed.COMPRESS:
        return No(code, fix, f"muted: {LOST_TWICE} fixes of {code} did not help in this phase of the run")
    if cannot := cannot_turn(fix, history, scene.knobs):
        return No(code, fix, cannot)
    if history.frozen:
        return No(code, fix, "frozen: a person has frozen the automatic fixes")
    return how_tried(finding, fix, history, scene)


def how_tried(finding: Finding, fix: Fix, history: History, scene: Scene) -> Try | No:
    """Return how a fix whose knobs can be turned is tried, or why this run cannot try it (now)."""
    code = finding.code
    if fix.deed is Deed.COMPRESS:
        if not scene.compress:
            return No(code, fix, "switched off: advisor.compress is false")
        return Try(code, fix, "compression", 0.0)
    if fix.deed is Deed.STOP or fix.effect is Effect.FREE:
        late = _too_late_to_average(scene) if any(turn.knob == "ema" for turn in fix.turns) else ""
        return No(code, fix, late) if late else Try(code, fix, "free", 0.0)
    if _turns_learning(fix, scene.knobs) and not _timed_alone(fix, scene.knobs):
        return _learning(finding, fix, history, scene)
    return _throughput(code, fix, scene)


def _rescue(code: str, fix: Fix, history: History, scene: Scene) -> Try | No | None:
    if scene.finished:
        return None
    if history.frozen:
        return No(code, fix, "frozen: a person has frozen the automatic fixes")
    if history.rescues() >= MOST_RESCUES and fix.deed is not Deed.STOP:
        return No(
            code, fix, f"not recoverable by a knob: {MOST_RESCUES} rescues have not ended it; look at data and code"
        )
    if cannot := cannot_turn(fix, history, scene.knobs):
        return No(code, fix, cannot)
    return Try(code, fix, "rescue", 0.0)


def _too_late_to_average(scene: Scene) -> str:
    """Return why averaged weights can no longer be judged: too few evaluations are left."""
    steps = scene.step + scene.steps_left - scene.last_evaluation_step
    left = int(steps / scene.evaluation_steps + ROUNDING) if scene.evaluation_steps else EVALUATIONS
    return (
        f"too late: averaged weights are judged by {EVALUATIONS} evaluations, and {left} is left"
        if left < EVALUATIONS
        else ""
    )


def _throughput(code: str, fix: Fix, scene: Scene) -> Try | No:
    late = too_late_for_rounds(scene.steps_left, scene.step_s)
    shown = (
        scene.memory_counted and not scene.lockstep and not late
        if fix.improves == "bytes"
        else fix.improves == "step_s"
    )
    if not shown:
        return Try(code, fix, "untried", 0.0)
    if scene.lockstep:
        return No(code, fix, "lockstep: nothing is timed in a run that must repeat to the bit")
    if late:
        return No(code, fix, late)
    reloads = any(scene.knobs[turn.knob].turns == "reload" for turn in fix.turns)
    passes = SAME_PASSES if fix.effect is Effect.SAME_MATHEMATICS else AGREEMENT_PASSES
    compiles = any(turn.knob == "compile" for turn in fix.turns)
    set_up_s = (REBUILDS * REBUILD_S if reloads else 0.0) + (COMPILE_S if compiles else 0.0)
    cost_s = set_up_s + 2 * passes * scene.step_s
    saves_s = fix.expected * scene.eta_s
    if set_up_s and fix.expected > 0 and saves_s < cost_s:
        return No(code, fix, f"too late: it could save {saves_s:.1f} s of what is left and costs {cost_s:.1f} s to try")
    if passes > SAME_PASSES and cost_s > scene.budget.room_steps * scene.step_s:
        return No(code, fix, f"budget: it costs {cost_s:.1f} s to try, and trials have used up their share of the run")
    return Try(code, fix, "rounds", cost_s, agreement_passes=passes)


def _learning(finding: Finding, fix: Fix, history: History, scene: Scene) -> Try | No:
    code = finding.code
    score = score_of(fix, scene.metric)
    if score is None:
        return No(code, fix, f"cannot be tried: a fork scores learning, not {fix.improves}")
    if finding.severity is not Severity.INFO:
        scene = replace(scene, budget=scene.budget.for_a_cause(nothing_learned=scene.learned_nothing))
    own_rate = _may_need_its_own_rate(finding, fix, scene)
    if fix.deed is Deed.START_OVER:
        begun = _from_start(code, fix, score, history, scene, own_rate)
        costly = not isinstance(begun, Try) and begun.reason in _OF_THE_RUN
        if not costly or not (finding.built_in or (own_rate and scene.learned_nothing)):
            return begun
        fix = _from_here(fix)
        if history.tried(code, fix, scene.phase) or history.unwanted(code, fix):
            return begun
    anew_s, anew_steps = _anew(fix, scene)

    def planned(besides_steps: float) -> ForkPlan | str:
        budget = replace(scene.budget, spent_steps=scene.budget.spent_steps + besides_steps)
        plans = (
            afford_fork(
                budget,
                scene.steps_left,
                scene.scoring_steps,
                lambda steps: len(history.null_pool(score, scene.phase, steps)),
                reach,
            )
            for reach in _reaches(fix, scene)
        )
        plan = next(plans)
        if isinstance(plan, str) or plan.replicates < SURE_REPLICATES:
            plan = next((one for one in plans if isinstance(one, ForkPlan) and one.replicates >= SURE_REPLICATES), plan)
        return plan

    plan = planned(anew_steps)
    if own_rate and not _affords_own_rate(plan, anew_steps, scene):
        shorter = planned(anew_steps + PROBE_STEPS["lr_sweep"])
        plan = shorter if _affords_own_rate(shorter, anew_steps, scene) else plan
    if isinstance(plan, str):
        return No(code, fix, f"{plan}; a network built anew costs {anew_s:.1f} s of it" if anew_steps else plan)
    if wait := _cooling(history.last_kept_learning(), scene):
        return No(code, fix, wait)
    urgent = finding.severity is Severity.ERROR or finding.built_in or (code, shape_of(fix)) in history.accepted
    waits = not urgent and scene.fall_share >= IMPROVING_SHARE and scene.validation_improves
    if waits and not (finding.severity is Severity.WARNING and _last_chance(fix, scene)):
        return No(code, fix, f"still improving: the loss fell {scene.fall_share:.0%} over the last tenth of the run")
    return _forked(code, fix, plan, scene, own_rate=own_rate)


def _last_chance(fix: Fix, scene: Scene) -> bool:
    """Tell whether too few steps are left for a fork of this fix when a look later the run is asked again."""
    return scene.steps_left < (PAYS_BACK_HORIZONS + 1) * min(reach.least for reach in _reaches(fix, scene))


def _from_start(code: str, fix: Fix, score: str, history: History, scene: Scene, own_rate: bool) -> Try | No:
    """Return how a fix is tried that only suits a run from its first step on."""
    if scene.step < (least := shortest_horizon(scene.budget, REPLAYED_ARMS)):
        return No(code, fix, f"too soon: arms from the start are compared at step {least}")
    pooled = len(history.null_pool(score, scene.phase, scene.step))
    anew_s, anew_steps = _anew(fix, scene)
    room_steps = scene.budget.fork_room_steps - anew_steps
    plan = plan_replay(scene.step, scene.steps_left, room_steps, scene.scoring_steps, pooled)
    if isinstance(plan, str):
        return No(code, fix, f"{plan}; a network built anew costs {anew_s:.1f} s of it" if anew_steps else plan)
    return _forked(code, fix, plan, scene, own_rate=own_rate, from_start=True)


def _from_here(fix: Fix) -> Fix:
    """Return a fix that would begin before the first step as one that goes on from now.

    What has learned nothing gives up little by that but its steps, and the arms of such a fork take fewer of them.
    """
    name = fix.name.removeprefix("start over: ").removeprefix("start over with ")
    return fix.model_copy(update={"deed": Deed.TURN, "name": f"{name}, from here on"})


def _forked(code: str, fix: Fix, plan: ForkPlan, scene: Scene, *, own_rate: bool, from_start: bool = False) -> Try:
    """Return a fork as it was planned, with a rate of its own for the candidate where the budget bears that."""
    anew_s, anew_steps = _anew(fix, scene)
    own_rate = own_rate and _affords_own_rate(plan, anew_steps, scene, from_start)
    return Try(
        code,
        fix,
        "fork",
        (_swept_steps(plan, scene, from_start) if own_rate else plan.cost_steps) * scene.step_s + anew_s,
        steps=plan.steps,
        from_start=from_start,
        nulls=plan.nulls,
        replicates=plan.replicates,
        own_rate=own_rate,
    )


def _may_need_its_own_rate(finding: Finding, fix: Fix, scene: Scene) -> bool:
    """Tell whether a fix may show no gain for its rate alone: it mends a cause, and nothing is learned so far."""
    begins = fix.deed is Deed.START_OVER or scene.learned_nothing
    return begins and finding.severity is not Severity.INFO and not any(turn.knob == "lr" for turn in fix.turns)


def _affords_own_rate(plan: ForkPlan | str, besides_steps: float, scene: Scene, from_start: bool = False) -> bool:
    if isinstance(plan, str):
        return False
    return _swept_steps(plan, scene, from_start) + besides_steps <= scene.budget.fork_room_steps


def _swept_steps(plan: ForkPlan, scene: Scene, from_start: bool) -> float:
    """Return what a fork costs whose candidate is run twice, with a sweep between, beside the null arms.

    From the start the control is paid for, too: it is the run itself, trained once more.
    """
    arms = 2 + plan.nulls + int(from_start)
    return arms * (plan.steps + scene.scoring_steps) + PROBE_STEPS["lr_sweep"]


def _anew(fix: Fix, scene: Scene) -> tuple[float, float]:
    """Return what the network costs that a fix needs, in seconds and in steps; 0 where it needs no other one."""
    anew_s = scene.anew_s if any(scene.knobs[turn.knob].turns == "restart" for turn in fix.turns) else 0.0
    return anew_s, anew_s / scene.step_s if scene.step_s > 0 else 0.0


def _reaches(fix: Fix, scene: Scene) -> tuple[Reach, ...]:
    """Return how far a fork of this fix looks: a regulariser pays only after about an epoch, what ends a swing at once.

    Without a second pair of arms the swing itself hides the gain: where it cannot be paid for, the fork looks less far.
    """
    held = {name: knob.value for name, knob in scene.knobs.items()}
    epoch = scene.steps_per_epoch if regularises(fix, held) else 0
    arms = PAIRED_ARMS if scene.budget.of_a_cause else LONE_ARMS
    shortest = shortest_horizon(scene.budget, arms, scene.scoring_steps)
    usual = Reach(least=max(least_horizon(fix, held), shortest), wanted=epoch)
    return (usual, replace(usual, least=SHORTEST_HORIZON)) if steadies(fix) else (usual,)


def _cooling(kept: Attempt | None, scene: Scene) -> str:
    """Return why a learning fix waits after one that was kept: its effect has to show first."""
    if kept is None:
        return ""
    horizon = int(kept.arms.get("control", [{}])[0].get("steps", 0))
    ready = kept.decided_step + 2 * horizon
    if scene.step < ready:
        return f"cool-down: {kept.fix.name} was kept at step {kept.decided_step}; its effect has to show until step {ready}"
    if scene.last_evaluation_step <= kept.decided_step:
        return f"cool-down: {kept.fix.name} was kept at step {kept.decided_step}; an evaluation has to come first"
    return ""


def cannot_turn(fix: Fix, history: History, knobs: Mapping[str, Knob]) -> str:
    """Return why the knobs of a fix cannot be turned as it says; nothing where they can."""
    for turn in fix.turns:
        knob = knobs.get(turn.knob)
        if knob is None:
            return f"cannot be turned here: this run has no knob {turn.knob}"
        if knob.turns == "restart" and fix.effect is not Effect.CHANGES_LEARNING:
            return f"cannot be turned here: {turn.knob} turns only by a restart, and only a fork tries that"
        if turn.knob in history.suspects:
            return f"cannot be turned here: {turn.knob} was on trial when the trainer died"
        try:
            knob.check(turn.to)
        except KnobError as unfit:
            return f"cannot be turned here: {unfit}"
    return ""


def holds(fix: Fix, knobs: Mapping[str, Knob]) -> bool:
    """Tell whether the knobs are as a fix would turn them."""
    return bool(fix.turns) and all(turn.knob in knobs and knobs[turn.knob].value == turn.to for turn in fix.turns)


def _turns_learning(fix: Fix, knobs: Mapping[str, Knob]) -> bool:
    """Tell whether a fix changes what is learned, or this run's own catalogue says so (batch norm, for one)."""
    if fix.effect is Effect.CHANGES_LEARNING:
        return True
    return any(knobs[turn.knob].effect == "changes_learning" for turn in fix.turns)


def _timed_alone(fix: Fix, knobs: Mapping[str, Knob]) -> bool:
    """Tell whether a fix is there to save time, and of what changes learning turns nothing but the batch."""
    learning = {turn.knob for turn in fix.turns if knobs[turn.knob].effect == "changes_learning"}
    return fix.improves == "step_s" and learning == TIMED_WITH_THE_BATCH
