"""What a container grants, by both versions of control groups and by their parents; and what holds a processor back."""

from pathlib import Path

import pytest

from advisor.sensors import control_group, slowed
from advisor.sensors.control_group import Granted, Quota, cores_granted, memory_granted, quota
from advisor.sensors.host import core_quota, host_memory
from advisor.sensors.slowed import WINDOW_S, HeldBack


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty tree of groups; the process lies at its root, as in a container."""
    (tmp_path / "own").write_text("0::/\n")
    monkeypatch.setattr(control_group, "ROOT", tmp_path / "tree")
    monkeypatch.setattr(control_group, "OWN", tmp_path / "own")
    (tmp_path / "tree").mkdir()
    return tmp_path / "tree"


def write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def lies_in(root: Path, text: str) -> None:
    (root.parent / "own").write_text(text)


@pytest.mark.parametrize(
    ("text", "cores"),
    [
        pytest.param("max 100000", 8.0, id="no limit"),
        pytest.param("150000 100000", 1.5, id="one and a half"),
        pytest.param("9900000 100000", 8.0, id="more than there are"),
        pytest.param("nonsense", 8.0, id="another kernel"),
    ],
)
def test_a_containers_grant_of_cores_is_seen(text: str, cores: float, root: Path) -> None:
    write(root, cpu__max=text)
    assert core_quota(8) == cores


def test_pages_that_the_kernel_gives_back_count_as_free(root: Path) -> None:
    write(root, memory__max="1000000", memory__current="400000", memory__stat="anon 250000\ninactive_file 150000\n")
    assert memory_granted() == Granted(limit_bytes=1_000_000, used_bytes=250_000)
    assert host_memory() == (1_000_000, 750_000)


def test_the_tightest_parent_counts(root: Path) -> None:
    lies_in(root, "0::/a/b\n")
    write(root / "a" / "b", memory__max="max", memory__current="100", cpu__max="max 100000")
    write(root / "a", memory__max="1000", memory__current="900", cpu__max="200000 100000")
    write(root, memory__max="5000", memory__current="1000")
    assert memory_granted() == Granted(limit_bytes=1000, used_bytes=900)
    assert cores_granted() == 2.0


def test_version_one_is_read_too_and_its_huge_number_is_no_limit(root: Path) -> None:
    lies_in(root, "5:memory:/job\n3:cpu,cpuacct:/job\n")
    write(root / "memory" / "job", memory__limit_in_bytes="2000", memory__usage_in_bytes="700",
          memory__stat="total_inactive_file 200\n")  # fmt: skip
    write(root / "memory", memory__limit_in_bytes="9223372036854771712", memory__usage_in_bytes="9000")
    write(root / "cpu" / "job", cpu__cfs_quota_us="50000", cpu__cfs_period_us="100000")
    write(root / "cpu", cpu__cfs_quota_us="-1", cpu__cfs_period_us="100000")
    assert memory_granted() == Granted(limit_bytes=2000, used_bytes=500)
    assert cores_granted() == 0.5


def test_without_any_files_everything_is_granted(root: Path) -> None:
    assert (memory_granted(), cores_granted(), quota()) == (None, None, None)
    assert core_quota(8) == 8.0
    assert host_memory()[1] > 0


def test_the_share_of_used_up_periods_is_that_of_the_last_half_minute(root: Path) -> None:
    held_back = HeldBack()
    for now, periods, used_up in ((0.0, 100, 90), (5.0, 200, 90), (10.0, 300, 140), (10.0 + WINDOW_S, 500, 190)):
        write(root, cpu__stat=f"usage_usec 5\nnr_periods {periods}\nnr_throttled {used_up}\n")
        held_back.look(now)
    assert quota() == Quota(500, 190)
    assert held_back.quota_stall_share == pytest.approx(50 / 200)


def test_without_a_quota_nobody_says_that_it_was_used_up(root: Path) -> None:
    write(root, cpu__stat="usage_usec 5\nnr_periods 0\nnr_throttled 0\n")
    held_back = HeldBack()
    held_back.look(0.0)
    held_back.look(2.0)
    assert held_back.quota_stall_share == -1


def test_the_hottest_core_counts_and_no_counter_is_no_heat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    monkeypatch.setattr(slowed, "CORES", tmp_path / "cores")
    assert HeldBack().hot_share == -1
    for core in (0, 1):
        write(tmp_path / "cores" / f"cpu{core}" / "thermal_throttle", core_throttle_total_time_ms="1000")
    held_back = HeldBack()
    held_back.look(0.0)
    assert held_back.hot_share == -1
    write(tmp_path / "cores" / "cpu1" / "thermal_throttle", core_throttle_total_time_ms="3500")
    held_back.look(10.0)
    assert held_back.hot_share == pytest.approx(0.25)
