"""No bytes crash a reader: whatever is in a file, it loads soundly or is refused in one line that names it."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hostile.files import judge, spoil
from tests.hostile.seeds import SEEDS

LIMIT_S = 5.0
"""The promise is 2 s on a machine that does nothing else."""


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
        begin = time.monotonic()
        judge(path)
        assert time.monotonic() - begin < LIMIT_S

    check()


@pytest.mark.parametrize("suffix", [".obj", ".ply", ".stl", ".off", ".glb", ".npz", ".npy", ".json", ".toml"])
def test_any_bytes_are_refused_or_load(room: Path, suffix: str) -> None:
    path = room / f"any{suffix}"

    @settings(max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(st.one_of(st.binary(max_size=300), st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))))
    def check(data: bytes) -> None:
        path.write_bytes(data)
        judge(path)

    check()


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


def test_the_fuzzing_target_runs(tmp_path: Path) -> None:
    """Coverage-guided where atheris is installed, else at random; both end after the time they were given."""
    command = [sys.executable, "-m", "tests.hostile.fuzz", "--seconds", "2", "--random", "--crashes", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "inputs" in done.stdout
    assert list(tmp_path.iterdir()) == []
