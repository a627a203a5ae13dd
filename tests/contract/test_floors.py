"""The floors at run time: who loads what, and that a stranger of the same name is named."""

import importlib.util
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import advisor
import rules

EXEMPT = {"advisor.together"}
"""The one-process runner imports both floors: that is what it is for."""
OF_AN_EXTRA = {"advisor.web.server": "textual_serve"}
"""Modules that only a command of that extra imports, after it has looked whether the extra is there."""

HEAVY = {"torch", "torchvision", "torchao", "sklearn", "pandas", "scipy"}
SCREEN = {"textual", "jinja2"}
DRAWING = {f"advisor.report.{name}" for name in ("charts", "pictures", "svg")}
"""What draws a page, and loads a plotting library for it."""


def loaded_by(code: str, *, cwd: Path | None = None, path: str = "") -> set[str]:
    told = subprocess.run(
        [sys.executable, *([] if path else ["-P"]), "-c", f"{code}; import sys; print(*sys.modules)"],
        capture_output=True, text=True, check=True, cwd=cwd,
    )  # fmt: skip
    return {name.partition(".")[0] for name in told.stdout.splitlines()[-1].split()}


def modules_of(package: object) -> list[str]:
    paths, name = package.__path__, package.__name__  # type: ignore[attr-defined]
    return sorted(found.name for found in pkgutil.walk_packages(paths, f"{name}."))


def test_the_advisor_never_loads_torch_nor_what_is_as_heavy() -> None:
    absent = {name for name, extra in OF_AN_EXTRA.items() if importlib.util.find_spec(extra) is None}
    names = [name for name in modules_of(advisor) if name not in EXEMPT | absent]
    loaded = loaded_by("import " + ", ".join(names))
    assert not loaded & HEAVY


def test_the_rules_load_neither_floor_nor_anything_that_acts() -> None:
    loaded = loaded_by("import " + ", ".join(modules_of(rules)))
    assert not loaded & {*HEAVY, "advisor", "trainer", "numpy", "psutil", "pynvml"}


@pytest.mark.parametrize("name", ["trainer", "trainer.wire", "trainer.config", "trainer.knobs", "trainer.journal"])
def test_the_trainers_words_load_no_torch(name: str) -> None:
    loaded = loaded_by(f"import {name}")
    assert not loaded & {*HEAVY, "advisor", "rules"}


def test_only_what_draws_a_page_loads_the_plotting_library() -> None:
    absent = {name for name, extra in OF_AN_EXTRA.items() if importlib.util.find_spec(extra) is None}
    loaded = loaded_by("import " + ", ".join(set(modules_of(advisor)) - absent - EXEMPT - DRAWING))
    assert "matplotlib" not in loaded
    assert "matplotlib" in loaded_by("import advisor.report.charts")


def test_help_loads_neither_torch_nor_the_screen() -> None:
    loaded = loaded_by("from advisor.cli import run; run(['--help'])")
    assert not loaded & (HEAVY | SCREEN)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param("", "is not ours but a stranger's", id="a stranger"),
        pytest.param("raise ImportError", "is not there", id="one that cannot be loaded"),
    ],
)
def test_a_stranger_under_a_floors_name_is_named(content: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "rules.py").write_text(content)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from advisor.cli import run; sys.exit(run(['--help']))"
    told = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)
    assert told.returncode == 2
    assert told.stderr.startswith("advisor: the package 'rules'")
    assert words in told.stderr
    assert len(told.stderr.splitlines()) == 1
