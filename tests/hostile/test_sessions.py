"""Damaged session files, and such as somebody wrote: one line that names the file, and nothing else is ever raised.

The random ones are seeded; the table of crafted ones names what each would do to a reader that trusts it.
"""

from __future__ import annotations

import hashlib
import io
import json
import random
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.cli import main
from app.session_io import from_record
from core.errors import RimlightError
from core.experiment import Experiment, ShapeSpec, TargetSpec
from core.io.check import check_file
from core.record.files import read_session, session_title, write_session
from core.record.packing import pack
from core.record.session_record import SessionRecord, StoredBranch, StoredFrame, StoredRun
from core.record.stored_state import Block, StoredState
from tests.hostile import seeds
from tests.hostile.files import spoil

COPIES = 400
"""Of each kind: one changed byte in seven used to be enough. Ten seconds in all."""


def whole(folder: Path) -> Path:
    """A small session with everything in it: data, a state with a past, two branches, a run."""
    (folder / "cube.obj").write_bytes(seeds.obj())
    picture = np.linspace(0, 1, 4 * 5 * 3, dtype=np.float32).reshape(4, 5, 3)
    steps = {"losses": np.ones(3), "terms": np.ones((3, 1))}
    head = np.frombuffer(pack({"iteration": 3}, steps), np.uint8)
    state = StoredState(head, ((Block(np.ones(4), np.ones((4, 2))),),), ("mark", (1,)))
    arrays = {"target": picture, "render": picture * 0.5, "vertices": picture.reshape(-1, 3)}
    thumbnail = np.zeros((4, 4, 3), np.uint8)
    frames = tuple(
        StoredFrame(i, 0, arrays, {"render": i}, {"pose.scale": 1.0}, "random", ("difference",), thumbnail, state)
        for i in (0, 3)
    )
    record = SessionRecord(
        Experiment(title="Würfel", shape=ShapeSpec(file=str(folder / "cube.obj")), target=TargetSpec()),
        state, 3, (StoredBranch("naive", 0, None, frames), StoredBranch("splat", 3, 0, frames[1:])), 1,
        (StoredRun("naive", 0, "T", True, {"loss": (np.arange(3), np.ones(3))}),), ((3, "method.sigma", 0.7),),
    )  # fmt: skip
    for _ in write_session(record, folder / "whole.rimlight"):
        pass
    return folder / "whole.rimlight"


def verdict(path: Path, unpack_into: Path) -> str:
    """The line with which a file is refused, "" where it opens as far as the window's own records. A warning is raised."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        session_title(path)
        try:
            past = from_record(read_session(path, unpack_into))
        except RimlightError as error:
            line = str(error)
            assert line.startswith(path.name), line
            assert "\n" not in line
            return line
        for frame in past.replay.frames:
            frame.whole()
    return ""


def entries_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def written(entries: dict[str, bytes], path: Path) -> Path:
    """The same as a session whose checksums are right, so that only its content is wrong."""
    entries = dict(entries)
    try:
        manifest = json.loads(entries["manifest.json"])
        manifest["checksums"] = {n: hashlib.sha256(d).hexdigest() for n, d in entries.items() if n != "manifest.json"}
        entries["manifest.json"] = json.dumps(manifest).encode()
    except (KeyError, ValueError, TypeError, RecursionError):
        pass  # the manifest itself is spoilt
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return path


def test_a_spoilt_session_is_refused_in_one_line(tmp_path: Path) -> None:
    data, draw = whole(tmp_path).read_bytes(), random.Random(5)
    path = tmp_path / "spoilt.rimlight"
    refused = 0
    for _ in range(COPIES):
        path.write_bytes(spoil(data, draw))
        refused += bool(path.stat().st_size) and bool(verdict(path, tmp_path / "cache"))
    assert refused > COPIES // 2


@pytest.mark.parametrize("part", ["manifest.json", "experiment.toml", "arrays/000000.npy", "data"])
def test_a_session_whose_checksums_match_what_is_spoilt(tmp_path: Path, part: str) -> None:
    entries, draw = entries_of(whole(tmp_path)), random.Random(6)
    name = next(each for each in entries if each.startswith(part))
    for _ in range(COPIES):
        verdict(
            written({**entries, name: spoil(entries[name], draw)}, tmp_path / "spoilt.rimlight"), tmp_path / "cache"
        )


def npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def endless_array() -> bytes:
    """A header that promises ten million million numbers."""
    return npy(np.zeros(1)).replace(b"(1,), }               ", b"(10000000000000,), }  ")


def manifest(change: Callable[[dict], Any]) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    def changed(entries: dict[str, bytes]) -> dict[str, bytes]:
        facts = json.loads(entries["manifest.json"])
        change(facts)
        return {**entries, "manifest.json": json.dumps(facts).encode()}

    return changed


def entry(name: str, data: bytes) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    return lambda entries: {**entries, name: data}


CRAFTED: dict[str, Callable[[dict[str, bytes]], dict[str, bytes]]] = {
    "a branch that is its own parent": manifest(lambda m: m["branches"][1].update(parent=1)),
    "a branch whose parent is nowhere": manifest(lambda m: m["branches"][1].update(parent=99)),
    "a branch before the first at hand": manifest(lambda m: m.update(current=-1)),
    "no branch of that number at hand": manifest(lambda m: m.update(current=7)),
    "a method that is a list": manifest(lambda m: m["runs"][0].update(method=["naive"])),
    "a title that is a table": manifest(lambda m: m["runs"][0].update(title={})),
    "an iteration without end": manifest(lambda m: m.update(iteration=10**400)),
    "an iteration that is no number": manifest(lambda m: m["branches"][0]["frames"][0].update(iteration=float("nan"))),
    "values that are a word": manifest(lambda m: m["branches"][0]["frames"][0].update(values="many")),
    "no versions": manifest(lambda m: m.update(versions=None)),
    "a format that is a word": manifest(lambda m: m.update(format="2")),
    "an array that is not there": manifest(lambda m: m["state"].update(head=10**6)),
    "a curve with more steps than values": manifest(lambda m: m["runs"][0]["curves"]["loss"].__setitem__(1, m["state"]["past"][0][0][0])),
    "a manifest that is a list": entry("manifest.json", b"[]"),
    "a manifest too deep": entry("manifest.json", b"[" * 100_000),
    "an experiment too deep": entry("experiment.toml", b"seed" + b".a" * 5_000 + b" = 1"),
    "an experiment that is no text": entry("experiment.toml", b"\xff\xfe"),
    "an array of words": entry("arrays/000000.npy", npy(np.array(["word"]))),
    "an array of too many numbers": entry("arrays/000000.npy", endless_array()),
    "an array with half a header": entry("arrays/000000.npy", npy(np.zeros(3)).replace(b"}", b"(")),
    "data outside its folder": entry("data/../../out.obj", b"v 0 0 0"),
    "data at the root": entry("data//out.obj", b"v 0 0 0"),
}  # fmt: skip


@pytest.mark.parametrize("name", CRAFTED)
def test_a_session_that_somebody_wrote_is_refused(tmp_path: Path, name: str) -> None:
    path = written(CRAFTED[name](entries_of(whole(tmp_path))), tmp_path / "crafted.rimlight")
    assert verdict(path, tmp_path / "cache" / "deep")
    assert not list(tmp_path.rglob("out.obj"))


def test_an_image_made_of_others_that_are_not_there_is_left_out(tmp_path: Path) -> None:
    change = manifest(lambda m: m["branches"][0]["frames"][0].update(derived=["disagreement", "lie", "difference"]))
    path = written(change(entries_of(whole(tmp_path))), tmp_path / "crafted.rimlight")
    assert verdict(path, tmp_path / "cache") == ""
    frames = from_record(read_session(path, tmp_path / "cache")).replay.frames
    assert set(frames[0].whole().arrays) == {"target", "render", "vertices", "difference"}


def test_check_reads_sessions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = whole(tmp_path)
    (tmp_path / "cube.obj").unlink()  # it came along
    checked = check_file(path)
    assert checked.summary.startswith("session, 'Würfel': step 3, 1 run, saved by Rimlight")
    assert any("cube.obj: material library none.mtl" in warning for warning in checked.warnings)
    data = bytearray(path.read_bytes())
    data[data.index(b"experiment.toml") + 40] ^= 1  # in what deflate wrote
    (tmp_path / "broken.rimlight").write_bytes(data)
    assert main(["check", str(tmp_path / "broken.rimlight"), str(path)]) == 1
    out, errors = capsys.readouterr()
    assert errors.startswith("error: broken.rimlight: damaged or no session file (")
    assert errors.count("\n") == 1
    assert "session, 'Würfel'" in out


def test_a_session_with_a_broken_shape_is_told_with_both_names(tmp_path: Path) -> None:
    entries = entries_of(whole(tmp_path))
    name = next(each for each in entries if each.endswith("cube.obj"))
    path = written({**entries, name: b"v 1 2"}, tmp_path / "hollow.rimlight")
    with pytest.raises(RimlightError, match=r"^hollow.rimlight: cube.obj: "):
        check_file(path)
