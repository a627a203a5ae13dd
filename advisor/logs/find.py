"""What lies at a path: which format, which runs. A user names a file or a folder and no more."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from shlex import quote

from advisor.logs.frame import Frame
from advisor.logs.names import is_epoch, is_loss, is_step
from advisor.logs.readers import json_files, mlflow, settings, table, tensorboard, trackio, wandb
from advisor.logs.readers.database import is_database
from advisor.logs.readers.opened import beginning, name_of
from advisor.logs.readers.parts import Part, naming_column, parts_by_cells, parts_by_names
from advisor.mistakes import Mistake

LOG_SUFFIXES = frozenset({".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".wandb", ".db"})
"""Endings of logs: of other files that cannot be opened nobody needs to hear."""
FOLDERS_MOST = 5000
"""Folders looked into below a path: a user who names a whole disk gets an answer too."""
RUNS_MOST = 200
"""Runs of one diagnosis."""
KNOWN = (
    "Hugging Face trainer_state.json, Lightning metrics.csv, TensorBoard events, Keras CSVLogger and History JSON, "
    "Ultralytics results.csv, MLflow mlruns, W&B offline runs, trackio, CSV, JSON lines"
)

Read = Callable[[Frame, dict[str, str]], None]


@dataclass(frozen=True)
class Source:
    """One run, and how it is read."""

    name: str
    format: str
    """What wrote it, for people."""
    framework: str
    """Whose configuration the advice is written for: huggingface, lightning, keras, ultralytics or pytorch."""
    path: Path
    read: Read


@dataclass(frozen=True)
class Unread:
    """A file or folder below a path that was left out, and why."""

    path: Path
    why: str


@dataclass(frozen=True)
class Found:
    """What lies at a path."""

    runs: list[Source]
    unread: list[Unread]


def find_runs(path: Path) -> list[Source]:
    """Return the runs that lie at `path`, by name.

    Raises:
        Mistake: when there is nothing that can be read; it says what could be.
    """
    return look_at(path).runs


def look_at(path: Path) -> Found:
    """Return the runs that lie at `path`, by name, and what below it cannot be opened.

    Raises:
        Mistake: when there is nothing that can be read; it says what could be.
    """
    if not path.exists():
        raise Mistake(f"{path}: there is no such file or folder")
    if (path / "run.json").is_file() and (path / "events.jsonl").is_file():
        raise Mistake(f"{path} is a run of ours: advisor report {quote(str(path))}")
    unread: list[Unread] = []
    try:
        found = list(_of_file(path, path.name, alone=True)) if path.is_file() else list(_below(path, unread))
    except FileNotFoundError as gone:
        raise Mistake(f"{gone.filename or path}: there is no such file or folder any more") from None
    except PermissionError as denied:
        raise Mistake(f"{denied.filename} cannot be read: give yourself the right to read it") from None
    except OSError as failed:
        raise Mistake(f"{failed.filename or path} cannot be read: {failed.strerror}") from None
    if not found and path.suffix.lower() in (".csv", ".tsv"):
        raise Mistake(f"{path} has no header: give it a first line that names its columns, such as step,loss,val_loss")
    if not found:
        lost = f" ({unread[0].path} {unread[0].why})" if unread else ""
        raise Mistake(f"{path} holds no training log that is known{lost}: {KNOWN}")
    return Found(_told_apart(found[:RUNS_MOST]), unread)


def _told_apart(runs: list[Source]) -> list[Source]:
    """Return the runs, those of one name by the names of their files or folders too."""
    times = Counter(one.name for one in runs)
    return [replace(one, name=f"{one.name} ({one.path.name[:8]})") if times[one.name] > 1 else one for one in runs]


def _below(root: Path, unread: list[Unread]) -> Iterator[Source]:
    """Walk a folder; a folder that is one run is not walked further. What cannot be opened goes to `unread`."""

    def left_out(failed: OSError) -> None:
        unread.append(_unread(Path(failed.filename or root), failed))

    for looked, (place, names, files) in enumerate(os.walk(root, onerror=left_out)):
        if looked >= FOLDERS_MOST:
            return
        names[:] = sorted(name for name in names if not name.startswith("."))
        try:
            yield from _of_folder(root, Path(place), names, files, unread)
        except OSError as failed:
            left_out(failed)


def _of_folder(root: Path, folder: Path, names: list[str], files: list[str], unread: list[Unread]) -> Iterator[Source]:
    """Yield the runs of one folder; what is taken for a part of them is taken out of `names`."""
    relative = folder.relative_to(root).as_posix()
    name = root.resolve().name if relative == "." else relative
    if (folder / "run.json").is_file() and (folder / "events.jsonl").is_file():
        names.clear()
    elif state := _trainer_state(folder, names, files):
        names.clear()
        read = partial(json_files.read_trainer_state, state)
        yield Source(name, "Hugging Face trainer_state.json", "huggingface", state, read)
    elif ((folder / "metrics").is_dir() and ("meta.yaml" in files or (folder / "params").is_dir())) or (
        (folder / "metrics").is_dir() and not files and _is_mlflow_run(folder)
    ):
        names.clear()
        name = mlflow.name_of(folder) or name
        yield Source(name, "MLflow", "pytorch", folder, partial(mlflow.read_run_folder, folder))
    elif splits := _split_folders(folder, names):
        for split in splits:
            names.remove(split.name)
        yield _events(name, folder, splits)
    else:
        yield from _in_folder(folder, name, relative, sorted(files), names, unread)


def _in_folder(
    folder: Path, name: str, relative: str, files: Sequence[str], names: list[str], unread: list[Unread]
) -> Iterator[Source]:
    """Yield the runs of a folder's own files; event files beside a table are the same training told twice.

    A folder with one log gives it its name; where there are several, the files tell them apart.
    """
    before = "" if relative == "." else f"{relative}/"
    found = [(file, one) for file in files for one in _of_listed(folder / file, before + file, unread)]
    for file, one in found:
        yield replace(one, name=name) if len(found) == 1 and one.name == before + file else one
    if not found and any("tfevents" in file for file in files):
        drawn = tensorboard.drawn_together(folder, names)
        names[:] = [one for one in names if folder / one not in drawn]
        yield _events(name, folder, (folder, *drawn))


def _of_listed(path: Path, name: str, unread: list[Unread]) -> list[Source]:
    """Return the runs of a file that a folder lists.

    A link to nothing and a file that is gone by now hold none; a log that cannot be opened goes to `unread`.
    """
    known = Path(name_of(path)).suffix.lower() in LOG_SUFFIXES
    try:
        if known and path.stat().st_size == 0:
            unread.append(Unread(path, "is empty: nothing was logged yet"))
        return list(_of_file(path, name, alone=False))
    except FileNotFoundError:
        return []
    except OSError as failed:
        if known:
            unread.append(_unread(path, failed))
        return []


def _unread(path: Path, failed: OSError) -> Unread:
    denied = isinstance(failed, PermissionError)
    return Unread(path, "cannot be read: " + ("you have no right to" if denied else failed.strerror or str(failed)))


def _of_file(path: Path, name: str, *, alone: bool) -> Iterator[Source]:
    """Yield the runs of one file; `alone` when the user named this very file."""
    plain = Path(name_of(path))
    suffix = plain.suffix.lower()
    if path.stat().st_size == 0:
        if alone:
            raise Mistake(f"{path} is empty: nothing was logged yet")
        return
    if plain.name == "trainer_state.json" or (alone and suffix == ".json" and json_files.looks_like_state(path)):
        yield Source(
            name, "Hugging Face trainer_state.json", "huggingface", path, partial(json_files.read_trainer_state, path)
        )
    elif "tfevents" in path.name:
        if alone:
            yield _events(name, path, (path.parent,))
    elif suffix == ".wandb":
        yield Source(name, "W&B offline run", "pytorch", path, partial(wandb.read_offline_run, path))
    elif is_database(path):
        yield from _of_database(path, name)
    elif suffix == ".json" and json_files.looks_like_history(path):
        yield Source(name, "Keras History JSON", "keras", path, partial(json_files.read_history, path))
    elif suffix in (".json", ".jsonl", ".ndjson") and json_files.looks_like_rows(path):
        yield Source(name, "JSON rows", "pytorch", path, partial(json_files.read_rows, path))
    elif suffix in (".jsonl", ".ndjson") or (alone and _begins_with_brace(path)):
        for part in json_files.parts_of(path):
            read = partial(json_files.read_lines, path, part=part)
            yield Source(_titled(name, part), "JSON lines", "pytorch", path, read)
    elif suffix in (".csv", ".tsv", ".txt", ".log") and (header := table.header_of(path)):
        kind, framework = _table_kind(plain, header)
        for part in _parts(path, header) if alone or suffix in (".csv", ".tsv") or _tells_of_training(header) else ():
            yield Source(_titled(name, part), kind, framework, path, partial(_read_table, path, part))


def _tells_of_training(header: Sequence[str]) -> bool:
    """Tell whether a table of any ending is a training log: Keras' own example calls it `training.log`."""
    return any(map(is_loss, header)) and any(is_step(name) or is_epoch(name) for name in header)


def _titled(name: str, part: Part | None) -> str:
    return f"{name}: {part.title}" if part is not None else name


def _parts(path: Path, header: Sequence[str]) -> Sequence[Part | None]:
    """Return the runs of a table; nothing to tell them apart by where it is one."""
    column = naming_column(header)
    axis = next((at for at, name in enumerate(header) if is_step(name) or is_epoch(name)), None)
    found = parts_by_names(header)
    if column and axis is not None:
        told = table.cells_of(path, header.index(column), axis)
        found = parts_by_cells(column, ((run, at) for run, at in told)) or found
    return found or (None,)


def _read_table(path: Path, part: Part | None, frame: Frame, columns: dict[str, str]) -> None:
    """Read a table, and the settings that its writer left beside it."""
    table.read_table(path, frame, columns, part)
    settings.read_settings(path.parent, frame)


def _of_database(path: Path, name: str) -> Iterator[Source]:
    for key, title in mlflow.runs_of(path):
        yield Source(f"{name}: {title}", "MLflow", "pytorch", path, partial(mlflow.read_database_run, path, key))
    for key, title in trackio.runs_of(path):
        yield Source(f"{name}: {title}", "trackio", "pytorch", path, partial(trackio.read_run, path, key))


def _table_kind(path: Path, header: Sequence[str]) -> tuple[str, str]:
    """Return what wrote a table, by its header."""
    names = set(header)
    if (
        path.name == "results.csv"
        and "epoch" in names
        and any(name.startswith(("train/", "metrics/")) for name in names)
    ):
        return "Ultralytics results.csv", "ultralytics"
    if path.name == "metrics.csv" and "step" in names:
        return "Lightning metrics.csv", "lightning"
    if "epoch" in names and "loss" in names and not any(map(is_step, names)):
        return "Keras CSVLogger", "keras"
    return "CSV", "pytorch"


def _trainer_state(folder: Path, names: Sequence[str], files: Sequence[str]) -> Path | None:
    """Return the newest state of a Hugging Face output folder: the one of its latest checkpoint holds all rows."""
    steps = {name: name.removeprefix("checkpoint-") for name in names if name.startswith("checkpoint-")}
    latest = sorted((int(step), name) for name, step in steps.items() if step.isdigit())
    states = [folder / name / "trainer_state.json" for _, name in reversed(latest)]
    own = [folder / "trainer_state.json"] if "trainer_state.json" in files else []
    return next((path for path in (*own, *states) if path.is_file() and path.stat().st_size), None)


def _split_folders(folder: Path, names: Sequence[str]) -> tuple[Path, ...]:
    """Return the folders that hold the splits of one training."""
    splits = [folder / name for name in names if name in tensorboard.SPLITS]
    held = tuple(one for one in splits if any("tfevents" in path.name for path in one.iterdir()))
    return held if len(held) > 1 else ()


def _is_mlflow_run(folder: Path) -> bool:
    first = next((path for path in (folder / "metrics").rglob("*") if path.is_file()), None)
    if first is None:
        return False
    with first.open("rb") as file:
        return len(file.readline(200).split()) == 3


def _events(name: str, path: Path, folders: tuple[Path, ...]) -> Source:
    lightning = (folders[0] / "hparams.yaml").is_file()
    framework = "keras" if len(folders) > 1 and path not in folders else "lightning" if lightning else "pytorch"
    return Source(name, "TensorBoard events", framework, path, partial(_read_events, folders))


def _read_events(folders: tuple[Path, ...], frame: Frame, columns: dict[str, str]) -> None:
    """Read event files, and the settings that their writer left beside them."""
    tensorboard.read_events(folders, frame, columns)
    settings.read_settings(folders[0], frame)


def _begins_with_brace(path: Path) -> bool:
    return beginning(path, 64).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")
