"""The command line of the fault bench.

python -m tests.faults --out FOLDER                    runs all that FOLDER does not hold yet, but for the second hold-out
python -m tests.faults --out FOLDER --slice 3/20       runs the third of twenty slices
python -m tests.faults --out FOLDER --case NAME …      runs these cases
python -m tests.faults --out FOLDER --family hold_out  runs one family (hold_out, hold_out_healthy: never seen by a rule;
                                                       second, second_healthy: nor by who had seen the first hold-out)
python -m tests.faults --matrix FOLDER                 writes MATRIX.md and rules/record.json from what FOLDER holds
python -m tests.faults --logs                          writes the section of MATRIX.md on logs of other libraries anew

A case that is written anew is run anew; after any other change of code, give another folder.
"""

import argparse
import difflib
import os
import time
from pathlib import Path

import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

import rules
from rules.record import FILE
from tests.faults.case import Case
from tests.faults.cases import ALL_FAMILIES, all_cases, find, held_out_cases, main_cases
from tests.faults.data import MissingData, load
from tests.faults.harness import advised, run_case
from tests.faults.logs import write_logs_section
from tests.faults.matrix import write_matrix
from tests.faults.result import read_results

SEEDS = 3
MATRIX = Path(__file__).with_name("MATRIX.md")
RECORD = Path(rules.__file__ or "").with_name(FILE)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, help="folder of the results; what it holds is not run again")
    parser.add_argument("--slice", type=_slice, default=(1, 1), help="which part to run, as PART/PARTS")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--family", choices=list(ALL_FAMILIES), help="run only this family of cases")
    parser.add_argument("--case", nargs="*", type=_case, help="run only these cases")
    parser.add_argument("--matrix", type=Path, help="folder of results to write MATRIX.md from")
    parser.add_argument("--logs", action="store_true", help="write the section on logs of other libraries anew")
    asked = parser.parse_args()
    if asked.matrix is not None:
        write_matrix(read_results(asked.matrix, all_cases()), MATRIX, RECORD)
    elif asked.logs:
        write_logs_section(MATRIX)
    elif asked.out is not None:
        cases = asked.case or ALL_FAMILIES.get(asked.family, main_cases() + held_out_cases())
        run_slice(asked.out, [(case, seed) for seed in range(asked.seeds) for case in cases], *asked.slice)
    else:
        parser.error("give --out FOLDER to run, or --matrix FOLDER to see what was found")


def _slice(text: str) -> tuple[int, int]:
    part, _, parts = text.partition("/")
    if not (part.isdigit() and parts.isdigit() and 1 <= int(part) <= int(parts)):
        raise argparse.ArgumentTypeError(f"{text!r}: write it as PART/PARTS, for example 3/20")
    return int(part), int(parts)


def _case(name: str) -> Case:
    try:
        return find(name)
    except KeyError:
        near = difflib.get_close_matches(name, [case.name for case in all_cases()], n=1, cutoff=0.0)[0]
        raise argparse.ArgumentTypeError(f"no case {name!r}: did you mean {near}?") from None


def run_slice(folder: Path, jobs: list[tuple[Case, int]], part: int, parts: int) -> None:
    """Run every job of a slice that the folder does not hold yet."""
    torch.set_num_threads(1)
    folder.mkdir(parents=True, exist_ok=True)
    done = read_results(folder, all_cases())
    waiting = [(case, seed) for case, seed in jobs[part - 1 :: parts] if (case.name, seed) not in done]
    if waiting:
        warm_up()
    columns = (TextColumn("{task.description:32}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress, (folder / f"{os.getpid()}-{time.time_ns()}.jsonl").open("w") as file:
        bar = progress.add_task("", total=len(waiting))
        for case, seed in waiting:
            progress.update(bar, description=f"{case.name} {seed}")
            try:
                load(case.faulty.data)
            except MissingData as missing:
                progress.console.print(f"{case.name}: left out: {missing}")
                continue
            file.write(run_case(case, seed).model_dump_json() + "\n")
            file.flush()
            progress.advance(bar)


def warm_up() -> None:
    """Load what the first run would load, so that it is not billed for it."""
    advised(find("ok_breast_linear"), "faulty", 0, "watch")


main()
