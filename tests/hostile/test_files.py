"""No bytes crash a reader: whatever is in a file, it loads soundly or is refused in one line that names it."""

from __future__ import annotations

import importlib.util
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.io.check import check_file
from core.io.guard import Unforeseen
from core.io.suffixes import OPENED_SUFFIXES
from tests.hostile.files import judge, spoil
from tests.hostile.seeds import SEEDS
from tests.hostile.strategies import FILES

ROOT = Path(__file__).resolve().parents[2]


def folder() -> Path:
    """A new folder with the picture that the camera set names."""
    made = Path(tempfile.mkdtemp(prefix="rimlight-hostile-"))
    (made / "seed.png").write_bytes(SEEDS["seed.png"]())
    return made


@pytest.fixture(scope="module")
def room() -> Path:
    return folder()


@pytest.mark.parametrize("name", SEEDS)
def test_the_seeds_are_valid(room: Path, name: str) -> None:
    (room / name).write_bytes(SEEDS[name]())
    assert judge(room / name)


@pytest.mark.parametrize("name", SEEDS)
def test_spoilt_files_are_refused_or_load(room: Path, name: str) -> None:
    seed_bytes, path = SEEDS[name](), room / f"spoilt_{name}"

    @settings(max_examples=40 if name.endswith("exr") else 150, deadline=None, derandomize=True, database=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(st.integers(0, 2**32))
    def check(number: int) -> None:
        path.write_bytes(spoil(seed_bytes, random.Random(number)))
        judge(path)

    check()


@pytest.mark.parametrize("suffix", OPENED_SUFFIXES)
def test_any_bytes_are_refused_or_load(room: Path, suffix: str) -> None:
    path = room / f"any{suffix}"

    @settings(
        max_examples=10 if suffix == ".exr" else 60,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(st.binary(max_size=300), st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))))
    def check(data: bytes) -> None:
        path.write_bytes(data)
        judge(path)

    check()


@pytest.mark.parametrize("name", FILES)
def test_drawn_files_are_refused_or_load(room: Path, name: str) -> None:
    """Of the file's own parts, so that a failure shrinks to the one that causes it. Some must load: a strategy whose
    files are all refused tries nothing."""
    path, loaded = room / name, []

    @settings(max_examples=150, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(FILES[name])
    def check(data: bytes) -> None:
        path.write_bytes(data)
        loaded.append(judge(path))

    check()
    assert 5 < sum(loaded) < len(loaded) - 5


@pytest.mark.parametrize(
    ("name", "number"),
    [("seed.npy", 219), ("ascii.ply", 3046), ("seed.npz", 5138), ("big.ply", 6333), ("binary.stl", 7025),
     ("seed.off", 14466), ("seed.exr", 17022), ("seed.glb", 19702), ("ascii.ply", 20671), ("seed.npz", 32123)],
)  # fmt: skip
def test_what_once_crashed(room: Path, name: str, number: int) -> None:
    """Found by spoiling files at random: each raised something else than it should have."""
    path = room / f"once_{name}"
    path.write_bytes(spoil(SEEDS[name](), random.Random(number)))
    judge(path)


def fuzzed(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The fuzzing target in a process of its own. folder: where a stand-in for atheris lies."""
    environment = {**os.environ, "PYTHONPATH": str(folder)} if folder else None
    command = [sys.executable, "-m", "tests.hostile.fuzz", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_the_fuzzing_target_runs_at_random(tmp_path: Path) -> None:
    done = fuzzed("--seconds", "2", "--random", "--crashes", str(tmp_path))
    assert done.returncode == 0, done.stderr[-2000:]
    assert "inputs" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_fuzzing_target_is_guided_by_coverage(tmp_path: Path) -> None:
    """Bounded; `make fuzz` looks for longer."""
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("atheris is not installed (pip install -e '.[fuzz]', on Linux)")
    done = fuzzed("--seconds", "5", "--crashes", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("end", "said"), [("os.abort()", "exit status"), ("os._exit(0)", "only 0 inputs")])
def test_a_fuzzing_target_that_ends_early_has_failed(tmp_path: Path, end: str, said: str) -> None:
    """A search that died, or that tried nothing, has not found nothing."""
    (tmp_path / "atheris.py").write_text(
        "import contextlib, os\n"
        "instrument_imports = lambda include: contextlib.nullcontext()\n"
        "Setup = lambda *arguments, **options: None\n"
        f"Fuzz = lambda: {end}\n"
    )
    done = fuzzed("--seconds", "2", "--crashes", str(tmp_path / "crashes"), "seed.obj", folder=tmp_path)
    assert done.returncode == 1
    assert said in done.stderr


def test_a_reader_that_raises_is_found_behind_the_guard(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line that the guard makes of what nobody foresaw must not pass for a reader's own."""

    def broken(path: Path) -> None:
        raise ZeroDivisionError(path)

    (room / "seed.obj").write_bytes(SEEDS["seed.obj"]())
    monkeypatch.setattr("core.io.meshes.load_mesh", broken)
    with pytest.raises(ZeroDivisionError):
        judge(room / "seed.obj")
    with pytest.raises(Unforeseen, match=r"seed\.obj: cannot be read \(unexpected ZeroDivisionError") as error:
        check_file(room / "seed.obj")
    assert "Traceback" in error.value.details
