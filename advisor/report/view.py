"""What the pages show of a report, as rows ready to print: the same rows for HTML, Markdown and the terminal."""

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite, isnan
from typing import Any

import tomli_w

from advisor.deciding.causes import said
from advisor.ledger import Measured
from advisor.report.schema import Health, Intervention, Report, ReportedFinding
from advisor.report.words import MISSING, PART_NAMES, count, duration, number, plural, score, setting, share, size

MATRIX_CLASSES_MOST = 20
"""A larger matrix is not read; the pairs that are mixed up most are."""
CONFUSIONS_MOST = 8
CLASSES_MOST = 30
"""More classes than this: only the worst recognised are told."""

DATA_ROWS = (
    "source", "inputs", "input_shape", "train_examples", "val_examples", "test_examples", "features",
    "duplicate_share", "conflicting_share", "val_overlap_share", "test_overlap_share", "missing_share",
    "constant_features", "unreadable", "input_mean", "input_std_low", "input_std_high", "input_abs_max",
    "input_outlying_share",
    "label_noise_share",
)  # fmt: skip
"""In the order in which they are told; classes, columns and suspects have tables of their own."""

FAULTS = {
    "duplicate_share": "duplicates",
    "conflicting_share": "conflicting labels",
    "val_overlap_share": "training examples in validation",
    "test_overlap_share": "training examples in the test split",
    "missing_share": "missing values",
    "constant_features": "constant features",
    "unreadable": "unreadable items",
}
"""Faults of data: those that are absent share one row."""


@dataclass(frozen=True)
class Part:
    """One part of the time of the run."""

    key: str
    name: str
    seconds: float
    share: float


@dataclass(frozen=True)
class ClassRow:
    """One class: how many examples it has for training, and how many of its validation examples are recognised."""

    name: str
    examples: int | None
    recall: float | None


@dataclass(frozen=True)
class Confusion:
    """Two classes that are mixed up."""

    true: str
    taken_for: str
    examples: int
    of: int


@dataclass(frozen=True)
class GainBar:
    """An interval against zero: places from left to right, in percent of its width."""

    zero: float
    low: float
    middle: float
    high: float
    good: bool


def time_parts(report: Report) -> list[Part]:
    """Return the parts of the time that took any, in the order of the bar."""
    total = report.time.get("total", 0.0)
    return [
        Part(key, name, report.time[key], report.time[key] / total)
        for key, name in PART_NAMES.items()
        if total > 0 and report.time.get(key, 0.0) > 0
    ]


def figures(report: Report) -> list[tuple[str, str, str]]:
    """Return the numbers that come first: (name, value, remark)."""
    metrics = report.metrics
    noise = f"± {number(metrics.standard_error, 2)}" if metrics.standard_error is not None else ""
    if metrics.name:
        unreached = "not reached" if report.data.get("test_examples") else "no test split"
        rows = [
            (f"best {metrics.name}", score(metrics.best), f"validation {noise}".strip()),
            ("test", score(metrics.test), "never seen by a trial" if metrics.test is not None else unreached),
        ]
        if not isnan(metrics.baseline):
            rows.append(("constant guess", score(metrics.baseline), "what knowing nothing scores"))
    else:
        rows = []
    kept = sum(1 for one in report.interventions if one.outcome == "kept" and not one.undone)
    untried = sum(1 for one in report.interventions if one.outcome == "applied_untried" and not one.undone)
    back = sum(1 for one in report.interventions if one.undone or one.outcome in ("rolled_back", "undecided"))
    remark = ", ".join([*([f"{untried} applied untried"] if untried else []), f"{back} taken back"])
    return [
        *rows,
        ("fixes kept", str(kept), remark),
        ("took", duration(report.time.get("total")), f"{plural(report.run.get('steps', 0), 'step')}"),
        ("being watched", share(report.overhead.get("share")), "of the wall time"),
    ]


def sureness(finding: ReportedFinding) -> str:
    """Return how sure it is that a finding is the cause, in words; nothing for other parts."""
    return {"sure": "surely the cause", "likely": "likely the cause", "perhaps": "perhaps the cause"}.get(
        said(finding.confidence), ""
    )


def gain_bar(measured: Measured) -> GainBar | None:
    """Return the interval of a gain as a bar, positive to the right; nothing where a number is missing."""
    told = (0.0, measured.low, measured.median, measured.high)
    if not all(map(isfinite, told)):
        return None
    begin, span = min(told), max(told) - min(told)
    zero, low, middle, high = (100 * (one - begin) / (span or 1.0) for one in told)
    return GainBar(zero, low, middle, high, good=measured.median > 0)


def findings_by_role(report: Report) -> list[tuple[str, list[ReportedFinding]]]:
    """Return findings under their role's name: causes, contributing causes, symptoms."""
    names = {"cause": "Causes", "contributing": "Contributing", "symptom": "Symptoms"}
    return [
        (title, found)
        for role, title in names.items()
        if (found := [one for one in report.findings if one.role == role])
    ]


def standing(found: Iterable[ReportedFinding]) -> list[ReportedFinding]:
    """Return the findings that stand at the end: neither gone nor mended."""
    return [one for one in found if one.cleared_step is None and not one.mended]


def acted(report: Report) -> list[Intervention]:
    """Return what was tried or applied; refusals apart."""
    return [one for one in report.interventions if one.outcome != "refused"]


def not_tried(report: Report) -> list[Intervention]:
    """Return refusals that are no opportunity either, so that nothing is told twice."""
    offered = {(one.rule, one.fix) for one in report.opportunities}
    return [one for one in report.interventions if one.outcome == "refused" and (one.rule, one.fix) not in offered]


def class_rows(report: Report) -> list[ClassRow]:
    """Return the classes, or of very many the worst recognised."""
    counts: dict[str, int] = report.data.get("class_counts") or {}
    recalls = report.metrics.recalls
    rows = [ClassRow(name, counts.get(name), recalls.get(name)) for name in dict.fromkeys([*counts, *recalls])]
    if len(rows) > CLASSES_MOST:
        rows = sorted(rows, key=lambda row: 2.0 if row.recall is None else row.recall)[:CLASSES_MOST]
    return rows


def class_names(report: Report) -> list[str]:
    """Return the classes in the order of the confusion matrix."""
    names = list(report.metrics.recalls) or list(report.data.get("classes") or ())
    size_ = len(report.metrics.confusion)
    return names if len(names) == size_ else [str(at) for at in range(size_)]


def has_matrix(report: Report) -> bool:
    """Tell whether the confusion matrix is small enough to be read."""
    return 1 < len(report.metrics.confusion) <= MATRIX_CLASSES_MOST


def confusions(report: Report) -> list[Confusion]:
    """Return the pairs of classes that are mixed up most, worst first."""
    names = class_names(report)
    pairs = [
        Confusion(names[true], names[taken], examples, sum(row))
        for true, row in enumerate(report.metrics.confusion)
        for taken, examples in enumerate(row)
        if true != taken and examples
    ]
    return sorted(pairs, key=lambda pair: -pair.examples)[:CONFUSIONS_MOST]


def data_rows(report: Report) -> list[tuple[str, str]]:
    """Return the data profile as (name, value)."""
    data = report.data
    told = [key for key in DATA_ROWS if _is_told(data.get(key))]
    none = [FAULTS[key] for key in told if key in FAULTS and data[key] == 0]
    rows = [(_label(key), _told(key, data[key])) for key in told if not (key in FAULTS and data[key] == 0)]
    if none:
        rows.append(("found none of", ", ".join(none)))
    if data.get("sampled") and data["sampled"] < data.get("examples", 0):
        rows.append(("looked at", f"{count(data['sampled'])} of {count(data['examples'])} examples"))
    return rows


def hardware_rows(report: Report) -> list[tuple[str, str]]:
    """Return the hardware profile as (name, value)."""
    return list(_flat(report.hardware))


def run_rows(report: Report) -> list[tuple[str, str]]:
    """Return who, what and where as (name, value)."""
    run = report.run
    model = run.get("model") or {}
    rows = [
        ("started", _told("started", run.get("started")).replace("T", " ").replace("+00:00", " UTC")),
        ("ended", _told("ended", run.get("ended"))),
        ("mode", _told("mode", run.get("mode"))),
        ("model", f"{model['name']}, {count(model['parameters'])} parameters" if model else MISSING),
        ("steps", f"{run.get('steps', 0)} of {run.get('steps_total', 0)}"),
        ("lost steps", str(run.get("lost_steps", 0)) if run.get("lost_steps") else MISSING),
        ("restarts", str(run["restarts"]) if run.get("restarts") else MISSING),
        ("seed", _told("seed", run.get("seed"))),
        ("git", _commit(run.get("git") or {})),
        *((name, str(version)) for name, version in sorted((run.get("versions") or {}).items())),
    ]
    return [(name, value) for name, value in rows if value not in (MISSING, "")]


def _commit(git: Mapping[str, Any]) -> str:
    """Return the commit of the user's code, and whether it was changed since."""
    commit = str(git.get("commit") or "")
    return f"{commit[:12]}{', with uncommitted changes' if git.get('changed') else ''}" if commit else MISSING


def compression_rows(report: Report) -> list[dict[str, str]]:
    """Return what compression made of the finished model."""
    return [
        {
            "method": str(one["method"]),
            "size": f"{size(one['bytes_before'])} → {size(one['bytes_after'])}",
            "latency": f"{duration(one['latency_before_s'])} → {duration(one['latency_after_s'])}",
            "metric": f"{score(one['metric_before'])} → {score(one['metric_after'])}",
            "test": f"{score(one.get('test_before'))} → {score(one.get('test_after'))}",
            "note": str(one.get("note") or ""),
        }
        for one in report.compression
    ]


def reproduce(report: Report) -> str:
    """Return the command that trains again with the final knobs, from the start."""
    folder = str(report.run.get("path", "."))
    seed = report.run.get("seed")
    command = f"advisor train {shlex.quote(folder + '/final_config.toml')} --headless --mode watch"
    return command + (f" --seed {seed}" if seed is not None else "")


def config_toml(config: Mapping[str, Any]) -> str:
    """Return a configuration as TOML; keys that hold nothing are left out."""
    return tomli_w.dumps(_without_none(config))


def limit_words(finding: ReportedFinding) -> list[str]:
    """Return the evidence as `loader.wait_share 0.45, limit 0.1`."""
    return [f"{one.fact} {setting(one.value)}, limit {setting(one.limit)}" for one in finding.evidence]


def _without_none(value: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _without_none(one) if isinstance(one, Mapping) else one for key, one in value.items() if one is not None
    }


def _label(key: str) -> str:
    return FAULTS.get(key, key.removesuffix("_share").replace("_", " "))


def _is_told(value: Any) -> bool:
    return value is not None and value not in ("", (), [], {})


def _told(key: str, value: Any) -> str:
    match value:
        case None:
            return MISSING
        case bool():
            return "yes" if value else "no"
        case int() | float() if key.endswith("_bytes") or key == "bytes":
            return size(value)
        case int() | float() if key.endswith("_share"):
            return share(value)
        case int():
            return count(value)
        case float():
            return number(value)
        case list() | tuple():
            return (" × " if key.endswith("shape") else ", ").join(str(one) for one in value)
        case dict():
            return ", ".join(f"{name} {one}" for name, one in value.items() if _is_told(one))
        case _:
            return str(value)


def _flat(values: Mapping[str, Any], before: str = "") -> Iterable[tuple[str, str]]:
    for key, value in values.items():
        name = f"{before} {key}".strip().replace("_", " ").removesuffix(" bytes").removesuffix(" share")
        if isinstance(value, Mapping):
            yield from _flat(value, key)
        elif _is_told(value):
            yield name, _told(key, value)


def health_value(one: Health) -> str:
    """Return a figure with its unit and its noise."""
    noise = f" ± {score(one.noise)}" if one.noise is not None else ""
    match one.unit:
        case "share":
            return share(one.value) + noise
        case "FLOP/s":
            return f"{one.value / 1e9:.3g} GFLOP/s"
        case _:
            return f"{score(one.value)}{noise} {one.unit}"


def example_row(row: Mapping[str, Any]) -> str:
    """Return one row of a table as `age 31, sex f`."""
    return ", ".join(f"{name} {number(value) if isinstance(value, float) else value}" for name, value in row.items())
