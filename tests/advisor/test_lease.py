"""The driver's lease."""

import subprocess
import sys
from pathlib import Path

import pytest

from advisor.driving.lease import Lease, LeaseHeld, is_driven, read_lease
from advisor.runs import Run


def test_a_run_has_one_driver_and_says_which(tmp_path: Path) -> None:
    run = Run(tmp_path)
    lease = Lease(run)
    assert is_driven(run)
    with pytest.raises(LeaseHeld, match=r"already has a driver \(pid \d+\): join it with `advisor watch"):
        Lease(run)
    lease.release()
    assert not is_driven(run)
    Lease(run).release()


def test_the_heartbeat_is_there_to_be_shown(tmp_path: Path) -> None:
    run = Run(tmp_path)
    lease = Lease(run)
    first = read_lease(run)
    lease.beat(first["heartbeat"] + 1)
    assert read_lease(run) == first
    lease.beat(first["heartbeat"] + 100)
    assert read_lease(run)["heartbeat"] == first["heartbeat"] + 100
    lease.release()


def test_a_driver_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from advisor.driving.lease import Lease; from advisor.runs import Run;"
        " lease = Lease(Run(Path(sys.argv[1]))); print('held', flush=True); time.sleep(60)"
    )
    driver = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
    assert driver.stdout is not None
    assert driver.stdout.readline() == b"held\n"
    assert is_driven(Run(tmp_path))
    driver.kill()
    driver.wait()
    driver.stdout.close()
    assert not is_driven(Run(tmp_path))
    assert read_lease(Run(tmp_path))["pid"] == driver.pid


def test_a_lease_of_nonsense_is_no_obstacle(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.lease.write_text("[nonsense")
    assert read_lease(run) == {}
    Lease(run).release()
    assert read_lease(run)["pid"] > 0
