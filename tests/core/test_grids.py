"""Reading and writing grids: what loads, what is refused, and that every refusal is one line with file and cause."""

from __future__ import annotations

import io
import time
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import RimlightError
from core.io.grids import load_grid, save_grid


def distances(shape: tuple[int, int, int] = (16, 16, 16), spacing: float = 2 / 15) -> np.ndarray:
    """A ball of radius 0.6 in the middle of the grid."""
    axes = [spacing * (np.arange(n) - (n - 1) / 2) for n in shape]
    x, y, z = np.meshgrid(*axes, indexing="ij")
    return (np.sqrt(x * x + y * y + z * z) - 0.6).astype(np.float32)


def written(folder: Path, name: str = "grid.npz", **arrays: Any) -> Path:
    np.savez(folder / name, **arrays)
    return folder / name


def refused(path: Path, *words: str) -> None:
    with pytest.raises(RimlightError) as caught:
        load_grid(path)
    message = str(caught.value)
    assert "\n" not in message
    for word in (path.name, *words):
        assert word in message, message


def test_a_saved_grid_comes_back(tmp_path: Path) -> None:
    save_grid(tmp_path / "a.npz", distances((8, 9, 10)), np.array([1.0, 2, 3]), np.array([0.1, 0.2, 0.3]))
    grid = load_grid(tmp_path / "a.npz")
    np.testing.assert_array_equal(grid.values, distances((8, 9, 10)))
    assert grid.values.dtype == np.float32
    assert grid.values.flags.c_contiguous
    assert grid.origin.tolist() == [1, 2, 3]
    assert grid.spacing.tolist() == [0.1, 0.2, 0.3]


def test_without_spacing_the_longest_side_spans_two_units(tmp_path: Path) -> None:
    grid = load_grid(written(tmp_path, sdf=distances((16, 12, 8))))
    assert grid.spacing == pytest.approx([2 / 15] * 3)
    assert grid.origin == pytest.approx([-1.0, -11 / 15, -7 / 15])
    assert grid.warnings == ()
    assert grid.open
    assert grid.gradient == pytest.approx(1.0, abs=0.05)
    assert "16 x 12 x 8 nodes" in grid.summary


@pytest.mark.parametrize("kind", ["<f8", ">f4", "<f2", "fortran", "scaled integers"])
def test_other_number_types_load_alike(tmp_path: Path, kind: str) -> None:
    values = distances()
    stored = {
        "fortran": np.asfortranarray(values.astype(np.float64)),
        "scaled integers": np.round(values * 1000).astype(np.int16),
    }.get(kind)
    array = values.astype(kind) if stored is None else stored
    grid = load_grid(written(tmp_path, sdf=array))
    factor = 1000 if kind == "scaled integers" else 1
    np.testing.assert_allclose(grid.values, values * factor, atol=1e-3 * factor)


def test_one_array_of_any_name_and_plain_npy_are_taken(tmp_path: Path) -> None:
    np.testing.assert_array_equal(load_grid(written(tmp_path, phi=distances(), spacing=0.5)).spacing, [0.5] * 3)
    np.save(tmp_path / "plain.npy", distances())
    np.testing.assert_array_equal(load_grid(tmp_path / "plain.npy").values, distances())
    more = written(tmp_path, "more.npz", sdf=distances(), note=np.array(["ignored"]), colour=np.zeros((2, 2)))
    assert load_grid(more).warnings == ()


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"sdf": np.zeros((8, 8))}, ("3-D", "(8, 8)")),
        ({"sdf": np.zeros((8, 8, 8, 1))}, ("3-D", "(8, 8, 8, 1)")),
        ({"sdf": np.float32(1)}, ("3-D", "()")),
        ({"sdf": np.zeros((8, 8, 2))}, ("at least 4",)),
        ({"sdf": np.zeros((0, 8, 8))}, ("at least 4",)),
        ({"a": np.zeros((8, 8, 8)), "b": np.zeros((8, 8, 8))}, ("'a'", "'b'", "sdf")),
        ({"origin": np.zeros(3)}, ("sdf", "'origin'")),
        ({"sdf": np.zeros((8, 8, 8), bool)}, ("bool",)),
        ({"sdf": np.zeros((8, 8, 8), complex)}, ("complex",)),
        ({"sdf": np.array(["x"] * 8)}, ("<U1",)),
        ({"sdf": distances(), "spacing": np.zeros(3)}, ("spacing", "positive")),
        ({"sdf": distances(), "spacing": np.array([1, np.nan, 1])}, ("spacing",)),
        ({"sdf": distances(), "spacing": np.ones(2)}, ("spacing", "(2,)")),
        ({"sdf": distances(), "origin": np.array([0, np.inf, 0])}, ("origin",)),
        ({"sdf": distances(), "origin": np.zeros((3, 3))}, ("origin", "(3, 3)")),
        ({"sdf": np.full((8, 8, 8), 1e300)}, ("512 values not finite",)),
    ],
)
def test_what_is_no_grid_is_refused(tmp_path: Path, arrays: dict[str, Any], words: tuple[str, ...]) -> None:
    refused(written(tmp_path, **arrays), *words)


def test_values_that_are_not_finite_are_counted_and_placed(tmp_path: Path) -> None:
    values = distances()
    values[3, 4, 5] = np.nan
    refused(written(tmp_path, "one.npz", sdf=values), "1 value not finite", "[3, 4, 5]", "nan")
    values[9, 0, 0] = -np.inf
    refused(written(tmp_path, "two.npz", sdf=values), "2 values not finite", "[3, 4, 5]")


def test_pickles_are_never_opened(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple:
            return (pytest.fail, ("the pickle was opened",))

    trap = np.array([Trap()], object)
    np.save(tmp_path / "trap.npy", trap, allow_pickle=True)
    refused(tmp_path / "trap.npy", "pickle")
    refused(written(tmp_path, "trap.npz", sdf=trap), "pickle")
    refused(written(tmp_path, "place.npz", sdf=distances(), origin=trap), "pickle")


def test_files_that_are_damaged_are_refused(tmp_path: Path) -> None:
    good = written(tmp_path, "good.npz", sdf=distances()).read_bytes()
    for name, data in {
        "cut.npz": good[: len(good) // 2],
        "flipped.npz": good[:3000] + bytes(64) + good[3064:],
        "text.npz": b"not a grid at all",
        "short.npy": b"\x93NUMPY",
    }.items():
        (tmp_path / name).write_bytes(data)
        refused(tmp_path / name)
    np.save(tmp_path / "cut.npy", distances())
    (tmp_path / "cut.npy").write_bytes((tmp_path / "cut.npy").read_bytes()[:5000])
    refused(tmp_path / "cut.npy", "cut off", "5,000")
    with zipfile.ZipFile(tmp_path / "no_array.npz", "w") as archive:
        archive.writestr("sdf.npy", b"hello")
    refused(tmp_path / "no_array.npz", "sdf")
    refused(tmp_path / "missing.npz", "no such file")


def test_sizes_are_checked_before_memory_is_taken(tmp_path: Path) -> None:
    """A header that promises 8 TB, and an archive that would unpack to more than its header says."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10000,) * 3})
    (tmp_path / "huge.npy").write_bytes(header.getvalue() + bytes(100))
    refused(tmp_path / "huge.npy", "1,000,000,000,000 nodes")
    small = io.BytesIO()
    np.lib.format.write_array_header_1_0(small, {"descr": "<f4", "fortran_order": False, "shape": (8, 8, 8)})
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("sdf.npy", small.getvalue() + bytes(64 << 20))
    tracemalloc.start()
    start = time.perf_counter()
    refused(tmp_path / "bomb.npz", "needs 2,048")
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    assert time.perf_counter() - start < 2.0
    tracemalloc.stop()


def test_oddities_are_warned_of(tmp_path: Path) -> None:
    steep = load_grid(written(tmp_path, "steep.npz", sdf=7 * distances())).warnings
    assert len(steep) == 1
    assert "grad length about 7" in steep[0]
    flat = load_grid(written(tmp_path, "flat.npz", sdf=0.1 * distances())).warnings
    assert "not a distance" in flat[0]
    (empty,) = load_grid(written(tmp_path, "empty.npz", sdf=distances() + 1)).warnings
    assert "no zero crossing" in empty
    assert "min 0.5155" in empty
    (turned,) = load_grid(written(tmp_path, "turned.npz", sdf=-distances())).warnings
    assert "negate" in turned
    constant = load_grid(written(tmp_path, "constant.npz", sdf=np.full((8, 8, 8), 2.0))).warnings
    assert any("no zero crossing" in w for w in constant)


def test_only_npz_is_written(tmp_path: Path) -> None:
    with pytest.raises(RimlightError, match=r"\.npz"):
        save_grid(tmp_path / "a.ply", distances(), np.zeros(3), np.ones(3))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("s01_rank2.npz", ("3-D", "(32, 32)")),
        ("s03_nan.npz", ("1 value", "[3, 4, 5]")),
        ("s14_two_arrays_no_name.npz", ("'a'", "'b'")),
        ("s16_pickled_object.npy", ("pickle",)),
    ],
)
def test_the_shared_bad_grids_are_refused(shared_data: Path, name: str, words: tuple[str, ...]) -> None:
    refused(shared_data / "bad" / name, *words)


def test_the_shared_odd_grids_load(shared_data: Path) -> None:
    bad = shared_data / "bad"
    assert "no zero crossing (min 0.1" in load_grid(bad / "s05_all_positive.npz").warnings[0]
    assert "grad length about 7" in load_grid(bad / "s12_not_a_distance.npz").warnings[0]
    round_one = load_grid(bad / "s07_noncubic.npz")
    assert round_one.values.shape == (32, 24, 16)
    assert len(set(round_one.spacing)) == 1
    double = load_grid(bad / "s09_float64_fortran.npz")
    assert round_one.warnings == double.warnings == ()
    assert double.values.flags.c_contiguous
