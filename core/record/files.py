"""Session files (.rimlight): an experiment, its data, its runs and their stored steps in one file that opens anywhere.

A zip of manifest.json (format, versions, a SHA-256 of every other entry), experiment.toml, data/ (the files that the
experiment names, so that it opens without them) and arrays/ (NumPy's .npy, each array once). Nothing in it is ever
unpickled. Writing goes on in slices, so that a window can save while it is used; the file is replaced whole.
"""

from __future__ import annotations

import hashlib
import io
import json
import time
import tokenize
import zipfile
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import RimlightError
from core.experiment import Experiment
from core.experiments.files import experiment_from_dict
from core.io.atomic import atomic_path
from core.io.files import DAMAGED_ARCHIVE, MEBIBYTE, checked_path, one_line
from core.record.data_files import DATA_LIMIT, embedded, inner_place, text_of
from core.record.manifest import branch_of, count, place, run_of, state_of, table, text
from core.record.session_record import SessionRecord, StoredBranch, StoredRun
from core.record.stored_state import StoredState
from core.versions import versions

FORMAT, OLDEST = 2, 1
"""What is written, and the oldest that is still read. 1 kept every state whole."""
LARGEST = 4096 * MEBIBYTE
"""Bytes that a session file may unpack to; what the window keeps is bounded far below."""
CHUNK = MEBIBYTE // 2
"""Bytes written at a time: a few milliseconds."""

_DAMAGED = (
    *DAMAGED_ARCHIVE, LookupError, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError, MemoryError,
    SyntaxError, tokenize.TokenError,
)  # fmt: skip
"""What a damaged session makes zipfile, JSON, TOML, NumPy and our own reading raise."""
_NUMBERS = "biuf"
"""NumPy kinds of the arrays that a session holds."""

_LEVEL = 1
"""Of deflate: images of floats hardly get smaller above it, and take three times as long."""


# ---------------------------------------------------------------------------------------------- writing


def write_session(
    record: SessionRecord, path: str | Path, *, with_data: bool = True, compressed: bool = True
) -> Generator[float, None, None]:
    """Write in slices; yields the share done. Raises RimlightError; the file there before stays until all is written."""
    with atomic_path(path) as temporary, _Writer(temporary, compressed) as writer:
        experiment, data = embedded(record.experiment) if with_data else (record.experiment, {})
        yield from writer.put("experiment.toml", text_of(experiment).encode())
        for name, source in data.items():
            yield from writer.put(f"data/{name}", checked_path(source, DATA_LIMIT).read_bytes())
        manifest = {
            "format": FORMAT,
            "title": record.experiment.title,
            "saved": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "versions": versions(),
            "iteration": record.iteration,
            "state": _state_facts(record.state, writer),
            "branches": [_branch_facts(branch, writer) for branch in record.branches],
            "current": record.current,
            "runs": [_run_facts(run, writer) for run in record.runs],
            "edits": [list(edit) for edit in record.edits],
        }
        yield from writer.put_arrays()
        manifest["checksums"] = writer.checksums
        yield from writer.put("manifest.json", json.dumps(manifest).encode())


class _Writer:
    """Entries of a zip with their checksums; arrays are gathered by `refer` and each is written once."""

    def __init__(self, path: Path, compressed: bool) -> None:
        method = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
        self._zip = zipfile.ZipFile(path, "w", method, compresslevel=_LEVEL)
        self.checksums: dict[str, str] = {}
        self._arrays: dict[int, tuple[int, np.ndarray]] = {}

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, *error: object) -> None:
        self._zip.close()

    def refer(self, array: np.ndarray | None) -> int | None:
        """The number of an array that `put_arrays` will write."""
        if array is None:
            return None
        return self._arrays.setdefault(id(array), (len(self._arrays), array))[0]

    def put_arrays(self) -> Iterator[float]:
        for number, array in self._arrays.values():
            buffer = io.BytesIO()
            np.save(buffer, array, allow_pickle=False)
            for _ in self.put(f"arrays/{number:06d}.npy", buffer.getvalue()):
                yield number / len(self._arrays)

    def put(self, name: str, data: bytes) -> Iterator[float]:
        digest = hashlib.sha256()
        with self._zip.open(name, "w") as entry:
            for start in range(0, max(len(data), 1), CHUNK):
                part = data[start : start + CHUNK]
                digest.update(part)
                entry.write(part)
                yield 0.0
        self.checksums[name] = digest.hexdigest()


def _branch_facts(branch: StoredBranch, writer: _Writer) -> dict[str, Any]:
    frames = []
    for frame in branch.frames:
        facts = {name: getattr(frame, name) for name in ("iteration", "view", "stamps", "theta", "derived")}
        facts |= {"values": _plain(frame.values), "arrays": {n: writer.refer(a) for n, a in frame.arrays.items()}}
        frames.append({**facts, "thumbnail": writer.refer(frame.thumbnail), "state": _state_facts(frame.state, writer)})
    return {"method": branch.method, "start": branch.start, "parent": branch.parent, "frames": frames}


def _state_facts(state: StoredState | None, writer: _Writer) -> dict[str, Any] | None:
    if state is None:
        return None
    past = [[[writer.refer(part) for part in block] for block in lane] for lane in state.past]
    return {"head": writer.refer(state.head), "past": past, "beside": state.beside}


def _run_facts(run: StoredRun, writer: _Writer) -> dict[str, Any]:
    curves = {name: [writer.refer(x), writer.refer(y)] for name, (x, y) in run.curves.items()}
    return {
        "method": run.method, "start": run.start, "title": run.title, "pinned": run.pinned, "curves": curves,
    }  # fmt: skip


def _plain(value: Any) -> Any:
    """Displayed values as JSON can say them."""
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, np.ndarray | list | tuple):
        return [_plain(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


# ---------------------------------------------------------------------------------------------- reading


def read_session(path: str | Path, unpack_into: str | Path) -> SessionRecord:
    """Read a session file; its data files go into a folder of their own below `unpack_into`.

    Raises RimlightError for what is no session file, is damaged, or comes from a later Rimlight.
    """
    path = checked_path(path, LARGEST)
    try:
        with zipfile.ZipFile(path) as archive:
            return _read(archive, path, Path(unpack_into))
    except _DAMAGED as error:
        cause = one_line(error) or type(error).__name__
        raise RimlightError(f"{path.name}: damaged or no session file ({cause}); use another copy") from error


def session_title(path: str | Path) -> tuple[str, int]:
    """What a session file is about and its iteration, without reading the rest; ("", 0) where it cannot be told."""
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = json.loads(archive.read("manifest.json"))
            return text(manifest["title"]), count(manifest["iteration"])
    except _DAMAGED:
        return "", 0


def _read(archive: zipfile.ZipFile, path: Path, folder: Path) -> SessionRecord:
    if sum(info.file_size for info in archive.infolist()) > LARGEST:
        raise ValueError("it unpacks to more than a session can hold")
    manifest = json.loads(archive.read("manifest.json"))
    if manifest["format"] > FORMAT:
        raise RimlightError(
            f"{path.name}: written by a later Rimlight ({manifest['versions'].get('rimlight')}); update this one"
        )
    if manifest["format"] < OLDEST:
        raise RimlightError(
            f"{path.name}: format {manifest['format']} is too old to be read; save it anew with the Rimlight that wrote it"
        )
    entries = {name: _checked(archive, name, digest) for name, digest in manifest["checksums"].items()}
    arrays = {
        int(Path(name).stem): np.load(io.BytesIO(data), allow_pickle=False)
        for name, data in entries.items()
        if name.startswith("arrays/")
    }
    if any(array.dtype.kind not in _NUMBERS for array in arrays.values()):
        raise ValueError("an array holds no numbers")
    branches = tuple(branch_of(facts, arrays, i) for i, facts in enumerate(manifest["branches"]))
    return SessionRecord(
        experiment=_experiment(entries, path, folder),
        state=state_of(manifest["state"], arrays),
        iteration=count(manifest["iteration"]),
        branches=branches,
        current=place(manifest["current"], max(1, len(branches))),
        runs=tuple(run_of(facts, arrays) for facts in manifest["runs"]),
        edits=tuple((count(i), str(what), *value) for i, what, *value in manifest["edits"]),
        versions=table(manifest["versions"]),
    )


def _checked(archive: zipfile.ZipFile, name: str, digest: str) -> bytes:
    data = archive.read(name)
    if hashlib.sha256(data).hexdigest() != digest:
        raise ValueError(f"{name} is not what was written")
    return data


def _experiment(entries: Mapping[str, bytes], path: Path, folder: Path) -> Experiment:
    """The experiment, its data files unpacked where they are named by their content."""
    import tomllib

    written = entries["experiment.toml"].decode()
    data = {name.removeprefix("data/"): content for name, content in entries.items() if name.startswith("data/")}
    home = path.absolute().parent
    if data:
        digest = hashlib.sha256(b"".join(hashlib.sha256(c).digest() for c in data.values())).hexdigest()
        home = folder / digest[:16]
        for name, content in data.items():
            target = home / "data" / inner_place(name)
            if not target.is_file() or target.stat().st_size != len(content):
                with atomic_path(target) as temporary:
                    temporary.write_bytes(content)
    return experiment_from_dict(tomllib.loads(written), home, path.name)
