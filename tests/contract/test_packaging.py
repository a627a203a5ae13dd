"""The wheel holds our three packages and nothing else, and the import contracts are kept."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    out = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = out.glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_holds_exactly_three_packages(wheel: zipfile.ZipFile) -> None:
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    (info,) = (top for top in tops if top.endswith(".dist-info"))
    assert info.startswith("training_advisor-")
    assert tops - {info} == {"advisor", "rules", "trainer"}


def test_the_wheel_holds_every_source_file_and_no_test(wheel: zipfile.ZipFile) -> None:
    packed = {name for name in wheel.namelist() if not name.partition("/")[0].endswith(".dist-info")}
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "advisor", "rules", "trainer"],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    if listed.returncode != 0:
        pytest.skip("not a git checkout: nothing to compare with")
    there = {name for name in listed.stdout.splitlines() if (ROOT / name).exists()}
    assert packed == there


def test_both_commands_lead_to_the_same_place(wheel: zipfile.ZipFile) -> None:
    (entries,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    lines = wheel.read(entries).decode().splitlines()
    assert {"advisor = advisor.cli:main", "training-advisor = advisor.cli:main"} <= set(lines)


def test_the_licence_comes_along(wheel: zipfile.ZipFile) -> None:
    assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())


def test_the_import_contracts_are_kept() -> None:
    linted = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports"))], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert linted.returncode == 0, linted.stdout


def test_every_dependency_is_pinned_for_the_tests() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = {
        line.partition("==")[0].lower().replace("_", "-")
        for line in (ROOT / ".ci" / "constraints.txt").read_text().splitlines()
        if "==" in line
    }
    wanted = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    names = {one.split(">")[0].split("=")[0].strip().lower() for one in wanted}
    assert names <= pinned
