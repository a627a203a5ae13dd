"""A recorded run: the events of a real training, thinned, and the ledger that they must give when they are heard again."""

import json
from collections import Counter
from collections.abc import Iterable
from functools import cache
from heapq import merge
from pathlib import Path
from statistics import fmean
from typing import Any

from advisor.deciding.mind import Mind, Settings
from advisor.ledger import Cleared, Entry, Found, RoleChanged, read_entry
from advisor.sensors.sample import Sample, read_sample
from trainer.watching.beat import VALUES_MOST
from trainer.wire import BeatTaken, Event, LayersMeasured, RunStarted, read_event
from trainer.words import Fetching, SlowSteps

HERE = Path(__file__).parent
DIGITS = 4
"""Significant digits of a recorded number."""
BEAT_STEPS = 10
"""Steps in one recorded beat, at most: as often as the mind assesses."""
BINS = 16
"""Values of a series in a beat of more steps than `VALUES_MOST`: a quarter of what the trainer tells."""
FETCHES = 5
"""Times of fetches in a recorded beat, about."""
LAYERS_EVERY = 3
"""Of the measurements of the layers, one in so many is kept."""
EXACT = {"t", "pid", "pid_started", "samples", "steps_total", "samples_total", "memory_bytes", "peak_bytes"}
"""Fields that keep all their digits."""


def names() -> list[str]:
    """Return the recorded runs."""
    return sorted(path.parent.name for path in HERE.glob("*/events.jsonl"))


def about(name: str) -> dict[str, Any]:
    """Return what a recorded run is."""
    told: dict[str, Any] = json.loads((HERE / name / "run.json").read_text())
    return told


def heard(name: str) -> tuple[list[Event], list[Sample]]:
    """Return the events and the samples of a recorded run."""
    folder = HERE / name
    lines = (folder / "events.jsonl").read_text().splitlines()
    events = [event for line in lines if (event := read_event(line)) is not None]
    assert len(events) == len(lines), f"{name} holds events that are no longer understood: record it anew"
    samples = folder / "samples.jsonl"
    seen = samples.read_text().splitlines() if samples.exists() else []
    return events, [sample for line in seen if (sample := read_sample(line)) is not None]


def ledger(name: str) -> list[Entry]:
    """Return the recorded ledger: what was found, which part it played, what was cleared."""
    lines = (HERE / name / "ledger.jsonl").read_text().splitlines()
    return [entry for line in lines if (entry := read_entry(line)) is not None]


@cache
def judge(name: str) -> tuple[tuple[Entry, ...], Mind]:
    """Let a mind that only watches hear a recorded run; return what it wrote about its findings, and the mind."""
    entries: list[Entry] = []
    mind = Mind(Settings(mode="watch"), entries.append)
    for word in merge(*heard(name), key=lambda one: one.t):
        if isinstance(word, Sample):
            mind.sense(word)
        else:
            mind.hear(word)
    return tuple(entry for entry in entries if isinstance(entry, Found | RoleChanged | Cleared)), mind


def appearances(entries: Iterable[Entry]) -> list[tuple[str, str]]:
    """Return (code, role) of each finding when it first stood, in that order."""
    first: dict[str, str] = {}
    for entry in entries:
        if isinstance(entry, Found):
            first.setdefault(entry.finding.code, entry.role)
    return list(first.items())


def thinned(events: Iterable[Event], *, timed: bool) -> list[Event]:
    """Return the events with neighbouring beats joined, some of the measurements of the layers, and times if `timed`."""
    kept: list[Event] = []
    measured = 0
    for event in events if timed else map(_timeless, events):
        if isinstance(event, LayersMeasured):
            measured += 1
            if measured % LAYERS_EVERY != 1:
                continue
        last = kept[-1] if kept else None
        if isinstance(event, BeatTaken) and isinstance(last, BeatTaken) and _joinable(last, event):
            kept[-1] = _joined(last, event)
        else:
            kept.append(_binned(event) if isinstance(event, BeatTaken) else event)
    return kept


def _binned(beat: BeatTaken) -> BeatTaken:
    """Return a beat of very many steps with fewer bins: the means of neighbours, so that a NaN is not lost."""
    if beat.steps <= VALUES_MOST or len(beat.loss) != VALUES_MOST:
        return beat
    series = {name: getattr(beat, name) for name in ("loss", "grad_norm", "step_s")}
    wide = VALUES_MOST // BINS
    return beat.model_copy(
        update={
            name: tuple(fmean(values[at : at + wide]) for at in range(0, len(values), wide))
            for name, values in series.items()
        }
    )


def _timeless(event: Event) -> Event:
    """Return a beat without the times in it: a mind in lockstep does not look at them."""
    return (
        event.model_copy(update={"step_s": (), "phases": {}, "fetching": None})
        if isinstance(event, BeatTaken)
        else event
    )


def _joinable(first: BeatTaken, second: BeatTaken) -> bool:
    return first.steps + second.steps <= BEAT_STEPS and first.trial == second.trial


def _joined(first: BeatTaken, second: BeatTaken) -> BeatTaken:
    return second.model_copy(
        update={
            "steps": first.steps + second.steps,
            "seconds": first.seconds + second.seconds,
            "loss": first.loss + second.loss,
            "grad_norm": first.grad_norm + second.grad_norm,
            "step_s": first.step_s + second.step_s,
            "phases": {part: first.phases.get(part, 0.0) + spent for part, spent in second.phases.items()},
            "fetching": _both(first.fetching, second.fetching),
            "skipped": first.skipped + second.skipped,
            "clipped": first.clipped + second.clipped,
            "peak_bytes": max(first.peak_bytes, second.peak_bytes),
            "slow": _slow(first.slow, second.slow),
        }
    )


def _slow(first: SlowSteps | None, second: SlowSteps | None) -> SlowSteps | None:
    """Return the slow steps of two beats as those of one."""
    if first is None or second is None:
        return first or second
    return second.model_copy(
        update={
            "count": first.count + second.count,
            "excess_s": first.excess_s + second.excess_s,
            "worst_s": max(first.worst_s, second.worst_s),
            "met": dict(Counter(first.met) + Counter(second.met)),
        }
    )


def _both(first: Fetching | None, second: Fetching | None) -> Fetching | None:
    """Return what two beats have told of their fetches as one; of the means, those of the beat with more behind them."""
    if first is None or second is None:
        return first or second
    fuller = first if first.counted > second.counted else second
    ordered = sorted((*first.seconds, *second.seconds))
    seconds = tuple(ordered[:: -max(1, len(ordered) // FETCHES)][::-1])
    return fuller.model_copy(update={"batches": first.batches + second.batches, "seconds": seconds})


def line(word: Event | Sample | Entry) -> str:
    """Return a word as a line of JSON, with five digits a number and without what is left at its default."""
    told = word.model_dump(mode="json", exclude_defaults=True)
    kind = {} if isinstance(word, Sample) else {"kind": word.kind}
    return json.dumps({**kind, **_short(told)}, separators=(",", ":"), ensure_ascii=False)


def _short(told: Any, name: str = "") -> Any:
    match told:
        case dict():
            return {key: _short(value, key) for key, value in told.items()}
        case list():
            return [_short(value, name) for value in told]
        case float() if name == "t":
            return round(told, 3)
        case float() if name not in EXACT:
            return float(f"{told:.{DIGITS}g}")
        case _:
            return told


def with_memory(events: list[Event], times_peak: float) -> list[Event]:
    """Return the events of the same run on a device whose memory is so many times the peak that it really had."""
    peak = max(event.peak_bytes for event in events if isinstance(event, BeatTaken))
    return [
        event.model_copy(update={"device": event.device.model_copy(update={"memory_bytes": round(times_peak * peak)})})
        if isinstance(event, RunStarted)
        else event
        for event in events
    ]
