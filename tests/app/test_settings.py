"""The settings file: what a hand, a full disk or another version left in it never stops the window."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from PyQt6.QtCore import QByteArray

from app.settings import LAYOUT_VERSION, Settings
from core.errors import RimlightError
from tests.hostile.files import spoil

pytestmark = pytest.mark.window

SPOILT = {
    "a layout of no version": "layout_version=abc",
    "a layout of two versions": "layout_version=1, 2",
    "a geometry of letters": f"geometry=hello\nlayout_version={LAYOUT_VERSION}\ndocks=hello",
    "a geometry of nothing": "geometry=@ByteArray()\ndocks=@ByteArray()\nlayout_version=1\narranged=false",
    "a geometry of other bytes": "geometry=@ByteArray(abc\\0\\xff)\ndocks=@ByteArray(\\xff\\0)\nlayout_version=1\narranged=false",
    "a geometry that is a size": "geometry=@Size(3 4)\ndocks=@Rect(0 0 1 1)\nlayout_version=1",
    "a variant that is cut off": "geometry=@Variant(\\0\\0\\0\\x7f)\nlayout_version=@Variant(\\0\\0\\0\\x7f\\0)",
    "lists in place of words": "theme=dark, light\nfolder=a, b\nrecent=@Invalid()\narranged=1, 2",
    "sizes in place of words": "theme=@Size(1 1)\nfolder=@Size(1 1)\nrecent=@Size(1 1)\narranged=@Size(1 1)",
    "recent files that are numbers": "recent=@Variant(\\0\\0\\0\\t\\0\\0\\0\\x1\\0\\0\\0\\x2\\0\\0\\0\\x5)",
    "a list of four thousand million": "recent=@Variant(\\0\\0\\0\\t\xef\\0\\0\\0\\x1\\0\\0\\0\\n\\0\\0\\0\\x4\\0/\\0w)",
    "the same by escapes": "recent=\\x40V\\x61ri\\\nant(\\0\\0\\0\\t\xef\\0\\0\\0\\x1\\0\\0\\0\\n\\0\\0\\0\\x4\\0/\\0w)",
    "names with a NUL": "folder=a\\0b\nrecent=a\\0b, c",
    "a table that is a word": "keys=Ctrl+S",
    "no lines at all": "\0\0\0\xff\n[[[",
}


def write(folder: Path, text: str | bytes) -> Settings:
    """Settings that read this, as what stands in the window's group."""
    place = Path(Settings().location)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(text if isinstance(text, bytes) else f"[General]\n{text}\n[keys]\nrun=F5, F6\n".encode("latin-1"))
    assert place.is_relative_to(folder)
    return Settings()


def read(settings: Settings) -> None:
    """Everything the window asks for, of the kind it relies on."""
    assert settings.theme in ("system", "dark", "light")
    assert Path(settings.folder).is_dir()
    assert all(Path(file).is_file() for file in settings.recent)
    assert all(isinstance(word, str) for pair in settings.keys.items() for word in pair)
    geometry, docks, arranged = settings.layout()
    assert {type(geometry).__name__, type(docks).__name__} <= {"QByteArray", "NoneType"}
    assert isinstance(arranged, bool)


@pytest.mark.parametrize("name", SPOILT)
def test_what_is_spoilt_is_as_if_not_there(settings_folder: Path, name: str) -> None:
    read(write(settings_folder, SPOILT[name]))


def test_recent_files_of_earlier_versions_are_kept(settings_folder: Path) -> None:
    settings = write(settings_folder, f"recent={__file__}, /nowhere, {Path(__file__).parent / 'conftest.py'}")
    assert settings.recent == [__file__, str(Path(__file__).parent / "conftest.py")]
    settings.add_recent(__file__)
    assert b"@Variant" not in Path(settings.location).read_bytes()
    assert Settings().recent == settings.recent


def test_a_place_that_cannot_be_written_reads_a_copy(settings_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise RimlightError("read-only")

    monkeypatch.setattr("app.settings.write_bytes", refuse)
    settings = write(settings_folder, f"theme=light\n{SPOILT['a list of four thousand million']}")
    assert settings.theme == "light"
    assert settings.recent == []


@pytest.mark.parametrize("seed", range(4))
def test_a_spoilt_file_of_a_real_window(make_window, settings_folder: Path, seed: int) -> None:
    window, _client = make_window(start=False)
    window.settings.add_recent(str(Path(__file__)))
    window.settings.folder = str(settings_folder)
    window.settings.set_layout(window.saveGeometry(), window.saveState(), False)
    data, draw = Path(window.settings.location).read_bytes(), random.Random(seed)
    read(Settings())
    assert Settings().layout()[0] == window.saveGeometry()
    geometry, docks, _ = Settings().layout()
    for _ in range(300):
        spoilt = write(settings_folder, spoil(data, draw))
        read(spoilt)
        assert spoilt.layout()[:2] in ((geometry, docks), (geometry, None), (None, None))  # Qt ends at others


def test_a_layout_with_another_byte_is_none(settings_folder: Path) -> None:
    """Of 150 spoilt dock states the first dozens end Qt by a segmentation fault."""
    settings = write(settings_folder, "")
    settings.set_layout(QByteArray(b"geometry"), QByteArray(b"docks"), False)
    assert Settings().layout() == (b"geometry", b"docks", False)
    place = Path(settings.location)
    place.write_bytes(place.read_bytes().replace(b"(docks)", b"(dock)"))  # Qt reads a file anew by its size and time
    assert Settings().layout() == (None, None, True)


@pytest.mark.parametrize("name", ["a layout of no version", "a geometry of letters", "a geometry of other bytes"])
def test_the_window_opens_all_the_same(make_window, settings_folder: Path, name: str) -> None:
    write(settings_folder, SPOILT[name])
    window, _client = make_window()
    window.restore_layout()
    assert window.width() >= 1024
    assert window.panel.isVisible()
