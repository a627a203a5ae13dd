"""What was checked: rules that passed, those that do not apply to such a run, those that could not speak, and why."""

from collections.abc import Callable, Iterable, Mapping

from advisor.report.schema import NotAssessed, RulePage
from advisor.story.story import Story
from rules.catalogue import all_rules

Reason = tuple[bool, str]
"""Whether the group of facts applies to such a run, and why nobody gathered it."""

OF_WALL_TIME = "in lockstep nothing may depend on wall time"
TOO_SHORT = "the run was too short to tell"
NOT_COUNTED = (
    "this machine does not count what the fetching threads wait for (no /proc/self/schedstat or /proc/self/io)"
)
NOT_SURVEYED = "the data were not surveyed"
MUTED = "muted in the configuration (advisor.mute)"


def not_assessed(story: Story, muted: Iterable[str]) -> tuple[NotAssessed, ...]:
    """Return the rules that could not speak, with the reason in words."""
    told = []
    for code, missing in sorted(story.not_assessed.items()):
        reasons = [_reason(group, story) for group in missing]
        applicable = all(applies for applies, _ in reasons)
        why = "; ".join(dict.fromkeys(text for applies, text in reasons if applies == applicable))
        told.append(NotAssessed(code=code, missing=missing, applicable=applicable, why=why))
    known = {one.code for one in told}
    return (*told, *(NotAssessed(code=code, missing=(), why=MUTED) for code in sorted({*muted} - known)))


def pages(codes: Iterable[str], spoken_of: Iterable[str]) -> dict[str, RulePage]:
    """Return these rules by code, with the whole page of those that are spoken of; a rule not installed here is absent."""
    wanted, whole = {*codes, *spoken_of}, {*spoken_of}
    return {
        rule.code: RulePage(
            name=rule.name, headline=rule.headline, documentation=rule.documentation if rule.code in whole else ""
        )
        for rule in all_rules()
        if rule.code in wanted
    }


def _reason(group: str, story: Story) -> Reason:
    reason = _REASONS.get(group)
    return reason(story) if reason is not None else (True, TOO_SHORT)


def _table(story: Story) -> Reason:
    of_table = story.started is not None and story.started.task.inputs == "table"
    return (True, NOT_SURVEYED) if of_table else (False, "the inputs are no table")


def _loader(story: Story) -> Reason:
    if story.started is not None and story.started.task.in_memory:
        return False, "the data lie in memory, so there is no loader"
    return True, _timed(story)[1]


def _fetcher(story: Story) -> Reason:
    applies, why = _loader(story)
    loader_known = not any("loader" in missing for missing in story.not_assessed.values())
    return (True, NOT_COUNTED) if applies and why == TOO_SHORT and loader_known else (applies, why)


def _timed(story: Story) -> Reason:
    return True, OF_WALL_TIME if story.started is not None and story.started.lockstep else TOO_SHORT


def _of_gpu(story: Story) -> Reason:
    if story.started is not None and story.started.device.type != "cuda":
        return False, "it trains on no NVIDIA GPU"
    return _timed(story)


def _neighbours(story: Story) -> Reason:
    applies, why = _of_gpu(story)
    return (False, "the run sees no other GPU") if applies and why == TOO_SHORT else (applies, why)


def _cooling(story: Story) -> Reason:
    applies, why = _of_gpu(story)
    return (
        (True, "NVML tells nothing of this device's clocks and heat")
        if applies and why == TOO_SHORT
        else (applies, why)
    )


def _allocator(story: Story) -> Reason:
    if story.started is not None and story.started.device.type == "cpu":
        return False, "it trains on the host, which has no such allocator"
    return True, TOO_SHORT


def _held_back(story: Story) -> Reason:
    applies, why = _timed(story)
    return (
        (True, "the kernel counts neither heat nor a quota of processor time here")
        if why == TOO_SHORT
        else (applies, why)
    )


def _watched(story: Story) -> Reason:
    applies, why = _timed(story)
    return (True, "no sensor watched it") if why == TOO_SHORT else (applies, why)


def _classes(story: Story) -> Reason:
    of_classes = story.started is not None and story.started.task.kind == "classification"
    return (True, NOT_SURVEYED) if of_classes else (False, "there are no classes")


def _labels(story: Story) -> Reason:
    applies, why = _classes(story)
    return (True, "the net has not learned enough epochs to doubt a label") if applies else (applies, why)


def _surveyed(_: Story) -> Reason:
    return True, NOT_SURVEYED


_REASONS: Mapping[str, Callable[[Story], Reason]] = {
    "table": _table,
    "loader": _loader,
    "fetch": _loader,
    "fetcher": _fetcher,
    "phases": _timed,
    "host": _timed,
    "memory": _timed,
    "utilisation": _of_gpu,
    "cooling": _cooling,
    "allocator": _allocator,
    "held_back": _held_back,
    "growth": _timed,
    "pace": _timed,
    "stall": _watched,
    "neighbours": _neighbours,
    "classes": _classes,
    "labels": _labels,
    "inputs": _surveyed,
    "splits": _surveyed,
    "order": _surveyed,
}
