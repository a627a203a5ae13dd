"""Kill many runs with -9, in every state in turn, and tell what became of them. Goes on where it was broken off.

python -m tests.kills [--kills 200] [--at FILE] [--state TEXT] [--who driver|trainer]
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.kills.kill import kill
from tests.kills.moments import MOMENTS, Who

EACH: tuple[Who, Who] = ("driver", "trainer")


def main() -> int:
    """Do what is left of the kills; print a table; return how many left a fault."""
    parser = argparse.ArgumentParser(prog="tests.kills")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--at", type=Path, default=Path("build/kills.jsonl"))
    parser.add_argument("--state", default="")
    parser.add_argument("--who", choices=EACH)
    chosen = parser.parse_args()
    cases = [(one, who) for one in MOMENTS if chosen.state in one.state for who in EACH if chosen.who in (None, who)]
    chosen.at.parent.mkdir(parents=True, exist_ok=True)
    done = [json.loads(line) for line in chosen.at.read_text().splitlines()] if chosen.at.exists() else []
    for number in range(len(done), chosen.kills):
        moment, who = cases[number % len(cases)]
        folder = Path(tempfile.mkdtemp(prefix="kill-"))
        told = kill(moment, who, number, folder)
        done.append(asdict(told))
        with chosen.at.open("a") as file:
            file.write(json.dumps(done[-1]) + "\n")
        word = "; ".join(told.faults) + f" ({folder})" if told.faults else "well"
        late = "" if told.hit else ", too late"
        print(f"{time.strftime('%H:%M:%S')} {number + 1:>3} {who:<7} {moment.state:<24} "
              f"step {told.step:>4}{late} {told.seconds:5.1f} s  {told.outcome or '-':<15} {word}", flush=True)  # fmt: skip
        if not told.faults:
            shutil.rmtree(folder)
    print("\n" + table(done))
    return sum(bool(one["faults"]) for one in done)


def table(done: list[dict[str, Any]]) -> str:
    """Return state × outcome, as a table in markdown."""
    rows = [
        "| state | killed | kills | in time | cut-off trial judged | no trial cut off | faults |",
        "|" + " --- |" * 7,
    ]
    for state in dict.fromkeys(one["state"] for one in done):
        for who in EACH:
            here = [one for one in done if (one["state"], one["who"]) == (state, who)]
            if not here:
                continue
            outcomes = Counter(one["outcome"] for one in here)
            free = outcomes.pop("", 0)
            judged = ", ".join(f"{outcome} {count}" for outcome, count in sorted(outcomes.items())) or "-"
            faults = sum(bool(one["faults"]) for one in here)
            rows.append(
                f"| {state} | {who} | {len(here)} | {sum(one['hit'] for one in here)} | {judged} | {free} | {faults} |"
            )
    rows.append(
        f"| all | | {len(done)} | {sum(one['hit'] for one in done)} | | | {sum(bool(one['faults']) for one in done)} |"
    )
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(min(main(), 1))
