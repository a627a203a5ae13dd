"""The machine panel: what the device and the host do, and what the run needs of them."""

from collections.abc import Sequence
from math import isfinite, nan

from textual.content import Content
from textual.widgets import Static

from advisor.gathering.peaks import computed, precision_of
from advisor.sensors.sample import DeviceSample
from advisor.tui import words
from advisor.tui.scene import Scene

_LEVELS = "▁▂▃▄▅▆▇█"
LABEL_CELLS = 9
SPARK_CELLS = 14
WATCHING_LIMIT_SHARE = 0.01
"""What watching may cost (monitoring.md)."""
GIGA = 1e9
HOT_C = 82.0
"""Above this a device with falling clocks is throttling (rules.md)."""


def sparkline(shares: Sequence[float], width: int, ascii_only: bool = False) -> str:
    """Return the last values, 0 to 1 each, as little bars; the peak of each bin is kept."""
    if ascii_only or not shares:
        return ""
    recent = list(shares[-width * 4 :])
    size = max(1, -(-len(recent) // width))
    bins = [max(recent[place : place + size]) for place in range(0, len(recent), size)]
    return "".join(_LEVELS[min(int(max(one, 0.0) * len(_LEVELS)), len(_LEVELS) - 1)] for one in bins)


def rows(scene: Scene, ascii_only: bool = False) -> Content:
    """Return the panel, one aligned line for each subject."""
    lines = [*_sensed(scene, ascii_only), *_run(scene)]
    return Content("\n").join(lines)


def _row(label: str, *parts: str | tuple[str, str]) -> Content:
    return Content.assemble((f"{label:<{LABEL_CELLS}}", "$muted"), *parts)


def _sensed(scene: Scene, ascii_only: bool) -> list[Content]:
    if not scene.samples:
        return [_row("machine", ("no sample yet: the driver takes one a second", "$muted"))]
    sample = scene.samples[-1]
    lines = [
        line
        for place, device in enumerate(sample.devices)
        for line in _device(
            device, [one.devices[place].busy_share for one in scene.samples if len(one.devices) > place], ascii_only
        )
    ]
    host = sample.host
    if host is not None:
        spark = sparkline([one.host.busy_share for one in scene.samples if one.host], SPARK_CELLS, ascii_only)
        lines.append(
            _row(
                "CPU",
                f"{words.share(host.busy_share):>4} ",
                (f"{spark:<{SPARK_CELLS}}", "$primary"),
                f" {host.idle_cores:.1f} of {host.cores} idle",
            )
        )
        used = host.memory_bytes - host.memory_free_bytes
        held = f"{words.share(used / max(host.memory_bytes, 1)):>4} "
        lines.append(_row("memory", held, _of(used, host.memory_bytes)))
        if host.trainer_bytes:
            lines.append(_row("", f"{'':>5}{words.size(host.trainer_bytes)}", (" by the trainer", "$muted")))
        if host.io_stall_share >= 0.05:
            lines.append(
                _row("disk", (f"{words.share(host.io_stall_share):>4} of the time everybody waits for it", "$warning"))
            )
    if not sample.devices:
        lines.append(_row("GPU", ("none found", "$muted")))
    return lines


def _of(used_bytes: float, all_bytes: float) -> str:
    """Return `3.0 of 8.0 GiB`, or both units where they differ."""
    (used, unit), whole = words.size(used_bytes).split(" "), words.size(all_bytes)
    return f"{used} of {whole}" if whole.endswith(unit) else f"{used} {unit} of {whole}"


def _device(device: DeviceSample, shares: list[float], ascii_only: bool) -> list[Content]:
    spark = sparkline(shares, SPARK_CELLS, ascii_only)
    heat = f" {device.temperature_c:.0f} °C"
    throttled = (" throttled", "bold $error") if device.throttled else ""
    return [
        _row(f"GPU {device.index}", f"{words.share(device.busy_share):>4} ", (f"{spark:<{SPARK_CELLS}}", "$primary"), (f" {device.name}", "$muted")),
        _row("", f"{words.share(device.memory_used_bytes / max(device.memory_bytes, 1)):>4} ",
             _of(device.memory_used_bytes, device.memory_bytes),
             (f"  {device.power_w:.0f} of {device.power_limit_w:.0f} W", "$muted"),
             (heat, "$error" if device.temperature_c > HOT_C else "$muted"), throttled),
    ]  # fmt: skip


def _run(scene: Scene) -> list[Content]:
    story, started = scene.story, scene.story.started
    if started is None:
        return []
    knobs, task, model = story.knobs, started.task, started.model
    lines = []
    if task.in_memory:
        lines.append(_row("input", "from memory", (", no loader", "$muted")))
    else:
        workers, prefetch = knobs.get("workers", 0), knobs.get("prefetch", 0)
        about = ", decoded items cached" if knobs.get("cache") else f", {prefetch} batches ahead" if workers else ""
        lines.append(_row("input", f"{workers} workers", (about or ", fetched by the trainer", "$muted")))
    lines.append(
        _row(
            "data",
            f"{task.train_examples:,} train",
            (f" · {task.val_examples:,} val · {len(task.classes) or 'no'} classes", "$muted"),
        )
    )
    lines.append(
        _row("model", f"{model.name}", (f" · {model.parameters:,} parameters · {started.device.name}", "$muted"))
    )
    flops, peak = computed(started, knobs, story.samples_per_s or nan)
    if isfinite(flops):
        share = f" · {words.share(flops / peak)} of the peak in {precision_of(knobs, started.device.amp_dtypes)}"
        lines.append(_row("compute", f"{flops / GIGA:,.3g} GFLOP/s", (share if isfinite(peak) else "", "$muted")))
    phases = scene.phases
    total = sum(phases.values())
    if total > 0:
        own, error = phases.get("advisor", 0.0) / total, 0.0
        if story.watching is not None:  # measured with and without it: more than the loop's own clocks see
            own, error = max(story.watching.share, 0.0), story.watching.error
        sure = f" ± {words.share(error)}" if error else ""
        over = own - error > WATCHING_LIMIT_SHARE
        lines.append(
            _row(
                "watching",
                f"costs {words.share(own)}{sure} of a step",
                (f", limit {words.share(WATCHING_LIMIT_SHARE)}" if over else "", "$warning"),
            )
        )
    return lines


class Machine(Static):
    """The panel; it draws only when its text has changed."""

    DEFAULT_CSS = "Machine { padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }"

    def __init__(self) -> None:
        super().__init__(id="machine", classes="pane")
        self.border_title = "machine"
        self._shown = ""

    def show(self, said: Content, title: str = "machine") -> None:
        """Show this, unless it is there already."""
        if self.border_title != title:
            self.border_title = title
        if said.plain != self._shown:
            self._shown = said.plain
            self.update(said, layout=False)
