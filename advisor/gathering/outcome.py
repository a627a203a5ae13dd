"""Facts about outputs, targets and loss, as the trainer held them against each other."""

from math import nan

from advisor.signals.signals import Signals
from rules.facts import OutputFacts


def outputs(signals: Signals) -> OutputFacts | None:
    """Return what was last seen of the outputs, once they were looked at."""
    seen, first = signals.outputs, signals.first_outputs
    if seen is None:
        return None
    told = seen.outputs
    return OutputFacts(
        step=seen.step,
        examples=told.examples,
        shape=told.output_shape,
        target_shape=told.target_shape,
        behind=told.behind,
        rms=told.rms,
        first_rms=first.outputs.rms if first is not None else nan,
        spread=told.spread,
        zero_share=told.zero_share,
        sums_to_one=told.sums_to_one,
        reach_low=told.reach_low,
        reach_high=told.reach_high,
        target_mean=told.target_mean,
        target_std=told.target_std,
        target_low=told.target_low,
        target_high=told.target_high,
        loss=told.loss,
        loss_kind=told.loss_kind,
        loss_factor=told.loss_factor,
        floor_share=told.floor_share,
        sum_factor=told.sum_factor,
        pairing_share=told.pairing_share,
        target_use_share=told.target_use_share,
        order_share=told.order_share,
    )
