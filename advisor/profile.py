"""Hardware and data of a training, without training: the trainer looks, in a run folder that is thrown away."""

import sys
import tempfile
from pathlib import Path
from typing import Any

from advisor.driving.orders import Orders, make_run
from advisor.driving.supervise import log_tail, start_detached
from advisor.mistakes import Mistake
from advisor.sensors.sampler import Sampler
from trainer.config import Config
from trainer.wire import Probed, RunEnded, RunStarted, Surveyed


def take(config: Config, name: str) -> dict[str, Any]:
    """Return hardware, task, model, data survey and probes.

    Raises:
        Mistake: when the trainer cannot use this configuration.
    """
    with tempfile.TemporaryDirectory(prefix="training-advisor-") as folder:
        run = make_run(Path(folder) / "profile", name, Orders(config, "watch", lockstep=False))
        command = [sys.executable, "-P", "-m", "trainer", str(run.folder), "--profile"]
        trainer = start_detached(command, run.trainer_log)
        try:
            code = trainer.wait()
        finally:
            if trainer.poll() is None:
                trainer.kill()
                trainer.wait()
        events = run.read_events()
        ended = [event for event in events if isinstance(event, RunEnded)]
        if code != 0:
            last = log_tail(run.trainer_log)
            raise Mistake(ended[-1].text if ended and ended[-1].text else (last[-1] if last else f"exit code {code}"))
        profile: dict[str, Any] = {"hardware": Sampler().hardware(), "probes": {}}
        for event in events:
            match event:
                case RunStarted():
                    told = event.model_dump(mode="json")
                    profile |= {key: told[key] for key in ("task", "model", "device", "steps_total", "steps_per_epoch")}
                case Surveyed():
                    profile["data"] = event.survey.model_dump(mode="json")
                case Probed():
                    profile["probes"][event.probe] = event.result
                case _:
                    continue
        return profile


def show(profile: dict[str, Any]) -> None:
    """Print it as tables."""
    from rich.console import Console

    console = Console()
    for title, rows in _tables(profile):
        console.print(_table(title, rows))
        console.print()


def _table(title: str, rows: list[tuple[str, str]]) -> Any:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from advisor.showing.harmless import harmless

    table = Table(title=title, title_justify="left", title_style="bold", show_header=False, box=box.SIMPLE_HEAD)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for subject, text in rows:
        table.add_row(Text(harmless(subject)), Text(harmless(text)))
    return table


def _tables(profile: dict[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    from advisor.tui.words import number, seconds, share, size

    hardware, device, task, model, data = (
        profile.get(key, {}) for key in ("hardware", "device", "task", "model", "data")
    )
    machine = [
        ("device", f"{device.get('name', '')} ({device.get('type', '')}, {size(device.get('memory_bytes', 0))})"),
        ("mixed precision", ", ".join(device.get("amp_dtypes", ())) or "none"),
        ("cores", f"{hardware['cores']}, {device.get('threads', 0)} threads train"),
        ("memory", size(hardware["memory_bytes"])),
        ("model", f"{model.get('name', '')}, {model.get('parameters', 0):,} parameters"),
        ("one pass", f"{profile.get('steps_per_epoch', 0):,} steps; the run takes {profile.get('steps_total', 0):,}"),
    ]
    cached = profile["probes"].get("cached_batch", {}).get("step_s")
    if cached:
        machine.append(("one step", f"{seconds(cached)} on a cached batch: the best that any input pipeline can reach"))
    if fetch := _fetch(profile["probes"].get("fetched_batch", {})):
        machine.append(("one fetch", fetch))
    learned = [
        ("source", str(task.get("source", ""))),
        ("task", f"{task.get('kind', '')}; metric {task.get('metric', '')}"),
        ("examples", " · ".join(f"{task.get(f'{part}_examples', 0):,} {part}" for part in ("train", "val", "test"))),
        ("one example", f"{task.get('inputs', '')} {tuple(task.get('input_shape', ()))}"),
        (
            "looked at",
            f"{data.get('sampled', 0):,} of {data.get('examples', 0):,} in {seconds(data.get('seconds', 0.0))}",
        ),
    ]
    counts = data.get("class_counts") or ()
    if counts:
        most, least = max(counts), max(min(counts), 1)
        names = task.get("classes", ())
        listed = ", ".join(f"{name} {count:,}" for name, count in list(zip(names, counts, strict=False))[:12])
        learned.append(("classes", f"{len(counts)}: {listed}{', …' if len(counts) > 12 else ''}"))
        learned.append(("imbalance", f"the largest class is {most / least:.1f} × the smallest"))
    for key, subject in (
        ("missing_share", "missing inputs"),
        ("duplicate_share", "duplicates"),
        ("conflicting_share", "same input, other label"),
        ("val_overlap_share", "validation in training"),
        ("test_overlap_share", "test in training"),
    ):
        if key in data:
            learned.append((subject, share(_value(data[key]))))
    if data:
        spread = f"{number(_value(data['input_std_low']))} to {number(_value(data['input_std_high']))}"
        learned.append(("spread of features", f"{spread}; {data['constant_features']} constant of {data['features']}"))
        if data.get("unreadable"):
            learned.append(("unreadable items", f"{data['unreadable']:,}, left out"))
    return [("Hardware", machine), ("Data", learned)]


def _fetch(probed: dict[str, Any]) -> str:
    """Return what fetching a batch takes in one process, and what goes into it; nothing where data lie in memory."""
    from advisor.tui.words import seconds, share

    if not probed.get("alone_s"):
        return ""
    parts = [
        f"{share(_value(probed[key]))} {name}"
        for key, name in (
            ("asleep_share", "asleep"),
            ("transform_share", "in transforms"),
            ("collate_share", "collating"),
        )
        if _value(probed.get(key, "NaN")) == _value(probed.get(key, "NaN"))
    ]
    return f"{seconds(_value(probed['alone_s']))} a batch in one process: {', '.join(parts)}"


def _value(told: Any) -> float:
    """Return a number that may have come as the text NaN or Infinity."""
    return float(told)
