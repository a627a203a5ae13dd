"""Scores of a run with their units, each by a formula that is told; and what trials and probes cost."""

from collections.abc import Mapping
from math import hypot, isfinite, nan

from advisor.gathering.peaks import PASSES, TERA, computed, precision_of
from advisor.report.schema import Bill, Health, Metrics
from advisor.story.story import Story

USEFUL = ("to_device", "forward", "backward", "optimizer")
"""Parts of the time that buy learning."""
BESIDES = ("input_wait", "advisor", "other")
"""Parts of a step's time that do not."""


def health(story: Story, metrics: Metrics, time: Mapping[str, float]) -> tuple[Health, ...]:
    """Return the figures that can be told of this run, in order."""
    found = [
        *_of_time(story, time),
        *_above_guess(metrics),
        *_gap(story, metrics),
        *_labels(story),
    ]
    return tuple(one for one in found if isfinite(one.value))


def bill(story: Story, time: Mapping[str, float]) -> Bill:
    """Return what trials and probes cost; what a rescue costs is lost steps, and told there."""
    tried = [one for one in story.interventions if one.trial and one.how != "rescue"]
    trials_s = sum(one.cost_s or one.trial_s for one in tried)
    probes_s = sum(one.seconds for one in story.probes.values())
    total = time.get("total", 0.0)
    return Bill(
        trials=len(tried),
        trials_s=trials_s,
        probes=len(story.probes),
        probes_s=probes_s,
        share=(trials_s + probes_s) / total if total else 0.0,
        budget=story.budget,
    )


def _of_time(story: Story, time: Mapping[str, float]) -> list[Health]:
    total, useful = time.get("total", 0.0), sum(time.get(part, 0.0) for part in USEFUL)
    if not total or not useful:
        return []
    goodput = Health(
        name="goodput",
        value=useful / total,
        unit="share",
        noise=None,
        formula="time to the device, forward, backward and in the optimizer, of steps that count, over wall time",
    )
    flops, peak = computed(story.started, story.knobs, story.samples / useful)
    reached = Health(
        name="compute reached",
        value=flops,
        unit="FLOP/s",
        noise=None,
        formula=f"{PASSES} x forward FLOPs of an example x examples, over that time",
    )
    held = (story.initial, story.knobs)
    used = [precision_of(knobs, story.started.device.amp_dtypes) for knobs in held] if story.started else []
    steps_s = sum(time.get(part, 0.0) for part in (*USEFUL, *BESIDES))
    share = Health(
        name="MFU",
        value=flops / peak * useful / steps_s if len(set(used)) == 1 else nan,
        unit="share",
        noise=None,
        formula=f"{PASSES} x forward FLOPs of an example x examples a second, the input wait counted, over the dense peak in "
        f"{''.join(used[-1:])}: {peak / TERA:.4g} TFLOP/s by the data sheet of the device",
    )
    return [goodput, reached, share]


def _above_guess(metrics: Metrics) -> list[Health]:
    if metrics.best is None or not isfinite(metrics.baseline):
        return []
    sign = 1 if metrics.higher_is_better else -1
    return [
        Health(
            name="learned above a constant guess",
            value=sign * (metrics.best - metrics.baseline),
            unit=metrics.name,
            noise=metrics.best_standard_error,
            formula="best on validation less the constant predictor",
        )
    ]


def _gap(story: Story, metrics: Metrics) -> list[Health]:
    last = story.final or (story.evaluations[-1] if story.evaluations else None)
    if last is None or metrics.name not in last.train_metrics or metrics.name not in last.metrics:
        return []
    sign = 1 if metrics.higher_is_better else -1
    error = last.standard_error
    return [
        Health(
            name="gap between training and validation",
            value=sign * (last.train_metrics[metrics.name] - last.metrics[metrics.name]),
            unit=metrics.name,
            noise=hypot(error, error) if isfinite(error) else None,
            formula="at the end, on a sample of training examples of at most the size of the validation split",
        )
    ]


def _labels(story: Story) -> list[Health]:
    if story.labels is None:
        return []
    return [
        Health(
            name="labels that look wrong",
            value=story.labels.noise_share,
            unit="share",
            noise=None,
            formula="training examples whose label the net did not believe over its epochs, less what clean data give",
        )
    ]
