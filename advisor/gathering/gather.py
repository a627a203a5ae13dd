"""Facts from signals: exactly the groups that can be filled honestly; the others are absent.

One small pure function a group. In lockstep nothing may depend on wall time, so the groups that do are absent there and
their rules are listed as not assessed.
"""

from collections.abc import Callable

from advisor.gathering.cooling import cooling, held_back
from advisor.gathering.fetch import fetch, fetcher
from advisor.gathering.growth import allocator, growth
from advisor.gathering.learning import classes, gradients, labels, layers, loss, rate, stream, validation
from advisor.gathering.order import order
from advisor.gathering.outcome import outputs
from advisor.gathering.pace import pace, stall
from advisor.gathering.setting import branch, device, inputs, knobs, model, probes, run, splits, table, task
from advisor.gathering.time import host, loader, memory, neighbours, phases, utilisation
from advisor.signals.signals import Signals
from rules.facts import Facts

_GATHERERS: dict[str, Callable[[Signals], object | None]] = {
    "run": run,
    "task": task,
    "loss": loss,
    "gradients": gradients,
    "rate": rate,
    "validation": validation,
    "layers": layers,
    "outputs": outputs,
    "phases": phases,
    "loader": loader,
    "fetch": fetch,
    "fetcher": fetcher,
    "host": host,
    "device": device,
    "utilisation": utilisation,
    "cooling": cooling,
    "held_back": held_back,
    "pace": pace,
    "stall": stall,
    "neighbours": neighbours,
    "memory": memory,
    "growth": growth,
    "allocator": allocator,
    "classes": classes,
    "order": order,
    "labels": labels,
    "inputs": inputs,
    "table": table,
    "splits": splits,
    "stream": stream,
    "model": model,
    "knobs": knobs,
    "probes": probes,
    "branch": branch,
}

OF_WALL_TIME = frozenset(
    {
        "phases", "loader", "fetch", "fetcher", "host", "utilisation", "cooling", "held_back", "neighbours",
        "growth", "pace", "stall",
    }
)  # fmt: skip
"""Groups that no two runs of one seed would fill alike."""


def gather(signals: Signals, lockstep: bool = False) -> Facts:
    """Return the facts of this moment.

    Args:
        signals: What was heard and sensed so far.
        lockstep: Leave out what depends on wall time.
    """
    if signals.started is None:
        return Facts()
    groups: dict[str, object] = {}
    for name, gatherer in _GATHERERS.items():
        if lockstep and (name in OF_WALL_TIME or (name == "memory" and not _memory_repeats(signals))):
            continue
        group = gatherer(signals)
        if group is not None:
            groups[name] = group
    return Facts(groups)


def _memory_repeats(signals: Signals) -> bool:
    """Tell whether a run of the same seed sees the same memory: a device does, a host process does not.

    A host that ran out of memory is let through: that it did is what counts then.
    """
    return signals.started is not None and (signals.started.device.type != "cpu" or signals.ran_out > 0)
