"""The circumstances of a run: metrics, hardware, data, time, overhead, versions, the final configuration."""

from collections.abc import Mapping
from copy import deepcopy
from datetime import UTC, datetime
from math import isnan, nan
from typing import Any

from advisor.report.schema import Metrics
from advisor.report.thumbnails import data_uri
from advisor.report.words import PART_NAMES
from advisor.story.story import Story

COLUMNS_MOST = 60
"""Columns of a table that are told; a wider one is not read in a report."""
SUSPECTS_MOST = 24
"""Suspect labels that are told; all of them are in events.jsonl."""


def metrics(story: Story) -> Metrics:
    """Return the scores of the branch that counts."""
    if story.started is None:
        return Metrics(
            name="", higher_is_better=True, baseline=nan, best=None, final=None, test=None, standard_error=None, all={}
        )
    task = story.started.task
    last = story.final or (story.evaluations[-1] if story.evaluations else None)
    best = story.best
    every = {"loss": last.loss, **last.metrics} if last else {}
    recalls = last.recalls if last else ()
    names = task.classes if len(task.classes) == len(recalls) else tuple(str(at) for at in range(len(recalls)))
    return Metrics(
        name=task.metric,
        higher_is_better=task.higher_is_better,
        baseline=task.baseline_metric,
        best=_usable(best.metrics.get(task.metric)) if best else None,
        final=_usable(last.metrics.get(task.metric)) if last else None,
        test=_usable(story.test.metrics.get(task.metric)) if story.test else None,
        standard_error=_usable(last.standard_error) if last else None,
        best_standard_error=_usable(best.standard_error) if best else None,
        test_standard_error=_usable(story.test.standard_error) if story.test else None,
        test_wrong=_listed(story.test.wrong) if story.test else None,
        all=every,
        recalls=dict(zip(names, recalls, strict=True)),
        confusion=[list(row) for row in last.confusion] if last else [],
    )


def seconds(story: Story) -> dict[str, float]:
    """Return seconds by part and their `total`; `other` is what is left of the wall time, so that they add up."""
    told = story.seconds
    parts = {part: told.get(part, 0.0) for part in PART_NAMES if part != "other"}
    parts["other"] = max(story.elapsed_s - sum(parts.values()), 0.0)
    return parts | {"total": sum(parts.values())}


def overhead(story: Story, time: Mapping[str, float]) -> dict[str, Any]:
    """Return the share of the wall time that being watched has cost, and how that was measured.

    Where the trainer has measured it by stretches of steps with and without the watching, that is told besides: the
    share of a step as `step_share`, two standard errors of it, the pairs of stretches, and what is watched less since.
    """
    total, measured = time["total"], story.watching
    by_stretches: dict[str, Any] = {}
    if measured is not None:
        by_stretches = {
            "step_share": measured.share,
            "step_share_error": measured.error,
            "pairs": measured.pairs,
            "shed": list(measured.shed),
        }
    return by_stretches | {
        "share": time["advisor"] / total if total else 0.0,
        "seconds": time["advisor"],
        "pacing_seconds": time["pacing"],
        "trials_share": time["trials"] / total if total else 0.0,
        "how": "seconds that the training loop itself spent on beats, events, orders and snapshots, over its wall time; "
        "in lockstep its waiting for the driver is in it, else the driver runs beside it at low priority and is not; "
        "trials are listed apart, and so is the time that a short run stands still until its driver has heard it",
    }


def hardware(story: Story) -> dict[str, Any]:
    """Return what the driver and the trainer know of the machine."""
    device = story.started.device.model_dump() if story.started else {}
    return {**story.hardware, **({"device": device} if device else {}), "peak_memory_bytes": story.peak_bytes}


def data(story: Story) -> dict[str, Any]:
    """Return what the data look like."""
    told: dict[str, Any] = {}
    if story.started is not None:
        task = story.started.task
        told |= {
            "source": task.source,
            "inputs": task.inputs,
            "input_shape": list(task.input_shape),
            "classes": list(task.classes),
            "train_examples": task.train_examples,
            "val_examples": task.val_examples,
            "test_examples": task.test_examples,
        }
    if story.survey is not None:
        survey = story.survey.model_dump()
        survey["columns"] = survey["columns"][:COLUMNS_MOST]
        told |= survey
        told["class_counts"] = dict(zip(_names(story), story.survey.class_counts, strict=False))
    if story.labels is not None:
        told["label_noise_share"] = story.labels.noise_share
        told["suspect_labels"] = _suspects(story)
    return told


def about_run(story: Story, about: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Return who, what, where and how long."""
    began = story.began_t or about.get("created")
    started = story.started
    told: dict[str, Any] = {
        "path": path,
        "name": about.get("name") or path.rstrip("/").rpartition("/")[2],
        "started": datetime.fromtimestamp(began, UTC).isoformat(timespec="seconds") if began else None,
        "seconds": story.elapsed_s,
        "ended": story.ended.why if story.ended else None,
        "state": story.word,
        "command": list(about.get("argv") or ()),
        "mode": story.mode or about.get("mode"),
        "budget": story.budget,
        "seed": started.seed if started else about.get("seed"),
        "versions": {**(about.get("versions") or {}), **(started.versions if started else {})},
        "git": about.get("git"),
        "restarts": story.restarts,
        "steps": story.step,
        "samples": story.samples,
        "lost_steps": story.lost_steps,
        "out_of_memory": story.out_of_memory,
        "skipped_steps": story.skipped_steps,
        "records_dropped": story.ended.dropped if story.ended else 0,
    }
    if started is not None:
        told |= {
            "steps_total": started.steps_total,
            "epochs": story.epoch,
            "epochs_total": started.epochs,
            "task": started.task.kind,
            "model": started.model.model_dump(),
            "lockstep": started.lockstep,
        }
    return told


def final_config(story: Story, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration with the knobs that were turned for good; the rest stays as the user wrote it."""
    final = deepcopy(dict(config))
    train = dict(final.get("train") or {})
    for knob, value in story.confirmed.items():
        if knob in train and value != story.initial.get(knob):
            train[knob] = value
    if train:
        final["train"] = train
    return final


def _usable(value: float | None) -> float | None:
    return None if value is None or isnan(value) else value


def _listed(numbers: tuple[int, ...] | None) -> list[int] | None:
    return None if numbers is None else list(numbers)


def _names(story: Story) -> list[str]:
    count = len(story.survey.class_counts) if story.survey else 0
    classes = story.started.task.classes if story.started else ()
    return list(classes) if len(classes) == count else [str(at) for at in range(count)]


def _suspects(story: Story) -> list[dict[str, Any]]:
    if story.labels is None:
        return []
    names = story.started.task.classes if story.started else ()
    identities = story.labels.identities
    pictures = [data_uri(one) for one in story.labels.pictures]
    rows = story.labels.rows
    return [
        {
            "example": identities[at] if at < len(identities) else str(index),
            "given": names[given] if given < len(names) else str(given),
            "believed": names[believed] if believed < len(names) else str(believed),
            "margin": margin,
            **({"thumbnail": pictures[at]} if at < len(pictures) and pictures[at] else {}),
            **({"row": rows[at]} if at < len(rows) else {}),
        }
        for at, (index, given, believed, margin) in enumerate(story.labels.suspects[:SUSPECTS_MOST])
    ]
