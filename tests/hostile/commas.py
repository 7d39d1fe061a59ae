"""A fit, its report and the window where the C library writes decimal commas; started by tests/hostile/test_machine.py.

    LOCPATH=FOLDER LC_ALL=de_DE.UTF-8 python -m tests.hostile.commas EXPERIMENT.toml OUT

Qt sets the C library's locale from the environment when the window starts; here that is done before anything else, so
that whatever reads or writes numbers by the C library (compilers, codecs, GL) meets the comma.
"""

from __future__ import annotations

import locale
import sys
from pathlib import Path


def main(path: str, out: str) -> int:
    locale.setlocale(locale.LC_ALL, "")
    assert locale.localeconv()["decimal_point"] == ","
    from app import cli

    status = cli.main(["fit", path, "--out", out, "--steps", "2"])
    status = status or cli.main(["check", str(Path(out) / "shape.ply"), path])
    from tests.hostile.scripted import scripted_client
    from tests.hostile.stage import Stage, application

    kept = application()
    assert locale.localeconv()["decimal_point"] == ","
    stage = Stage(Path(out), scripted_client)
    c = stage.window.controller
    assert stage.wait(lambda: c.shown is not None, 300.0), "nothing was shown"
    assert stage.window.files.open_path(path)
    c.step(2)
    assert stage.wait(lambda: c.last is not None and c.last.iteration == 2, 300.0), "no step was taken"
    stage.live(0.3)
    assert stage.window.files.save_to(Path(out) / "again.toml")
    stage.window.files.sessions.save(Path(out) / "again.rimlight")
    stage.window.files.sessions.finish()
    wrong = [message.text for message in stage.messages if message.level == "error"]
    print("; ".join(wrong) or "no error in the window", flush=True)
    stage.close()
    del kept
    return status or bool(wrong)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
