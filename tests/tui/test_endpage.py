"""The last words of a run that failed: what a user can mend stands first."""

from pathlib import Path

import trainer
from advisor import ledger
from advisor.tui.endpage import last_words, shortened, so_far
from advisor.tui.scene import Scene
from trainer.wire import RunEnded

OURS = Path(trainer.__file__ or "").parent / "step.py"
TRACE = [
    "Traceback (most recent call last):",
    f'  File "{OURS}", line 72, in take_step',
    "    taken = _attempt(training, batch)",
    "            ^^^^^^^^^^^^^^^^^^^^^^^^^",
    '  File "/venv/lib/python3.11/site-packages/torch/nn/modules/module.py", line 1798, in _call_impl',
    "    return forward_call(*args, **kwargs)",
    '  File "/home/me/reader.py", line 30, in forward',
    '    raise RuntimeError("expected 8 rows, got 7")',
    "RuntimeError: expected 8 rows, got 7",
    "read row by row",
]


def test_a_traceback_shows_the_users_own_frames_and_counts_the_others() -> None:
    _, left_out, *told = shortened(TRACE)
    assert left_out.startswith("  … 2 frames of the trainer and of libraries")
    assert told == TRACE[6:]


def test_a_traceback_without_a_frame_of_the_user_stays_whole() -> None:
    trace = [*TRACE[:6], *TRACE[8:]]
    assert shortened(trace) == trace


def test_a_run_that_could_not_begin_says_only_what_to_mend() -> None:
    scene = Scene()
    scene.take(RunEnded(t=1.0, why="mistake", text="images:data: no such folder", seconds=0.1))
    assert last_words(scene, [], 80).plain.splitlines() == [
        "the run could not begin",
        "images:data: no such folder",
        "",
        "mend it, then start the run again; d leaves this screen",
    ]


def test_the_reason_of_a_crash_is_said_once() -> None:
    scene = Scene()
    scene.take(RunEnded(t=1.0, why="failed", text="RuntimeError", seconds=0.1))
    scene.take(ledger.TrainerExited(t=2.0, code=3, why="the trainer failed with code 3 at step 265: RuntimeError"))
    first, *_ = last_words(scene, TRACE, 80).plain.splitlines()
    assert first == "the trainer failed with code 3 at step 265: RuntimeError"


def test_before_the_first_step_the_report_says_that_nothing_was_measured() -> None:
    assert "nothing yet" in so_far(Scene()).plain
