"""Videos: what is shown while a fit goes on, and what the timeline holds, as files that can be read again."""

from __future__ import annotations

import imageio_ffmpeg
import pytest
from PIL import Image as Picture
from PyQt6.QtWidgets import QFileDialog

# The videos are read back by a library that forks, in a process where other tests may have loaded JAX.
pytestmark = [pytest.mark.window, pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")]


def frames_of(path) -> tuple[tuple[int, int], int]:  # type: ignore[no-untyped-def]
    """((width, height), pictures) of a video."""
    count, _ = imageio_ffmpeg.count_frames_and_secs(str(path))
    reader = imageio_ffmpeg.read_frames(str(path))
    size = next(reader)["size"]
    reader.close()
    return size, count


def test_a_fit_is_recorded_while_it_goes_on(make_window, qtbot, monkeypatch, tmp_path):
    window, _client = make_window((1024, 700))
    c, path = window.controller, tmp_path / "run.mp4"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a: (str(tmp_path / "run"), "Video (*.mp4)"))
    next(a for a in window.actions_.filmed.actions() if a.data() == "panes").trigger()
    window.actions_.record.trigger()
    assert window.recorder.recording
    assert window.actions_.record.isChecked()
    c.step(12)
    qtbot.waitUntil(lambda: c.shown.iteration == 12, timeout=30_000)
    qtbot.wait(50)
    assert not path.exists()  # never half a file
    window.actions_.record.trigger()
    assert not window.actions_.record.isChecked()
    qtbot.waitUntil(path.is_file, timeout=30_000)
    size, count = frames_of(path)
    picture = window.recorder.picture()
    assert size == (picture.width() // 2 * 2, picture.height() // 2 * 2)
    assert 3 <= count <= 14
    qtbot.waitUntil(lambda: "Wrote" in window.status.message.text)
    assert [p.name for p in tmp_path.iterdir() if "run" in p.name] == ["run.mp4"]


def test_the_timeline_becomes_a_gif(make_window, qtbot, tmp_path):
    window, _client = make_window((1024, 700))
    c, path = window.controller, tmp_path / "run.gif"
    assert not window.actions_.film.isEnabled()
    assert "run the fit first" in window.actions_.film.toolTip()
    c.step(6)
    qtbot.waitUntil(lambda: c.shown.iteration == 6)
    window.recorder.what = "viewport"
    count = len(c.replay.frames)
    window.recorder.start_film(path)
    qtbot.waitUntil(path.is_file, timeout=30_000)
    with Picture.open(path) as gif:
        assert count <= gif.n_frames <= count + 2
    assert not c.replaying


def test_a_place_that_cannot_be_written_is_told(make_window, qtbot, tmp_path):
    window, _client = make_window((1024, 700))
    (tmp_path / "file").write_text("")
    window.recorder.start(tmp_path / "file" / "run.mp4")
    qtbot.waitUntil(lambda: window.status.message is not None and window.status.message.level == "error")
    assert not window.recorder.recording
    assert not window.actions_.record.isChecked()
