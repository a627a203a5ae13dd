"""Literal fixes and findings, as the rules would write them."""

from typing import Any

from rules.vocabulary import Deed, Effect, Evidence, Finding, Fix, Guard, Severity, Turned


def rate_fix() -> Fix:
    return Fix(
        name="start over at a rate of 0.031",
        effect=Effect.RESCUE,
        deed=Deed.START_OVER,
        turns=(Turned(knob="lr", to=0.031),),
        improves="finite",
        expected=0.9,
        estimated_by="the pick of a 60-step rate sweep from the first state",
    )


def weights_fix() -> Fix:
    return Fix(
        name="weigh classes by the root of their rarity",
        effect=Effect.CHANGES_LEARNING,
        turns=(Turned(knob="class_weights", to="sqrt"),),
        improves="balanced_accuracy",
        guards=(Guard(metric="metric", tolerance=1.0, unit="standard_errors"),),
        expected=0.2,
        estimated_by="a fifth of the gap between the recall of common and rare classes",
    )


def cache_fix() -> Fix:
    return Fix(
        name="keep decoded items in memory",
        effect=Effect.SAME_MATHEMATICS,
        turns=(Turned(knob="cache", to=True),),
        improves="step_s",
        expected=0.43,
        estimated_by="the wait is 45% of a step; removing it saves at most that",
    )


def amp_fix() -> Fix:
    return Fix(
        name="train in bf16",
        effect=Effect.OTHER_ROUNDING,
        turns=(Turned(knob="amp", to="bf16"),),
        improves="step_s",
        expected=0.2,
        estimated_by="typical gain of bf16 where the device has it",
    )


def int8_fix() -> Fix:
    return Fix(
        name="store the finished model as INT8",
        effect=Effect.FREE,
        deed=Deed.COMPRESS,
        improves="bytes",
        expected=0.7,
        estimated_by="eight bits for thirty-two, less the scales",
        method="int8",
    )


def workers_fix() -> Fix:
    return Fix(
        name="raise workers to 2",
        effect=Effect.SAME_MATHEMATICS,
        turns=(Turned(knob="workers", to=2),),
        improves="step_s",
        expected=0.3,
        estimated_by="two processes would fetch while the step computes",
    )


def label_fix() -> Fix:
    return Fix(
        name="look at the 12 suspect labels",
        effect=Effect.NEEDS_A_PERSON,
        deed=Deed.PERSON,
        improves="metric",
        expected=0.02,
        estimated_by="the estimated share of wrong labels, if all were put right",
    )


def finding(
    code: str, name: str, message: str, *fixes: Fix, severity: Severity = Severity.WARNING, **more: Any
) -> Finding:
    evidence = more.pop("evidence", (Evidence(fact="loader.wait_share", value=0.45, limit=0.1),))
    return Finding(code=code, name=name, severity=severity, message=message, evidence=evidence, fixes=fixes, **more)
