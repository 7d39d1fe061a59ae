"""The whole program on a stage, to be killed from outside: it says what its user has seen, a line each.

    python -m tests.hostile.program FOLDER [--factory MODULE:NAME] [--restore]

Runs the first lesson for ever ("told ITERATION MONOTONIC SECONDS", these the fit's own), keeping a session file in the
folder all the while. With --restore it takes the offer of the run that was kept ("restored ITERATION", or "nothing") and ends.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from pathlib import Path

from core.protocol import Status

OFFER = "its last run was kept"
KEPT = "kept.rimlight"


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("folder", type=Path)
    options.add_argument("--factory", default="", help="what makes the engine's session; the real one by default")
    options.add_argument("--restore", action="store_true")
    chosen = options.parse_args()
    from app.launcher import FACTORY, EngineClient
    from tests.hostile.stage import Stage, application

    kept = application()
    stage = Stage(chosen.folder, lambda: EngineClient(chosen.factory or FACTORY))
    c = stage.window.controller
    stage.wait(lambda: c.status is Status.PAUSED and c.shown is not None)
    if chosen.restore:
        _restore(stage, chosen.folder)
        stage.close()
        del kept
        return 0
    print(f"engine {c.client.process_id}", flush=True)
    told = lambda step: print(f"told {step.iteration} {time.monotonic()} {step.seconds}", flush=True)
    c.stepped.connect(lambda batch: batch and told(batch[-1]))
    endless = dataclasses.replace(c.experiment.stop, steps=10**6)
    c.edit("stop", dataclasses.replace(c.experiment, stop=endless))
    stage.live(0.5)
    c.play()
    while True:
        stage.live(0.3)
        if not stage.window.files.sessions.saving:
            stage.window.files.sessions.save(chosen.folder / KEPT)


def _restore(stage, folder: Path) -> None:  # type: ignore[no-untyped-def]
    c = stage.window.controller
    if not any(OFFER in message.text for message in stage.messages):
        print("nothing", flush=True)
        return
    offered = list((folder / "rimlight" / "autosave").iterdir())
    stage.window.files.restore_autosave()
    stage.wait(lambda: c.loaded.continued and c.status is Status.PAUSED)
    stage.wait(lambda: len([file for file in offered if file.exists()]) < len(offered))  # it is kept anew
    print(f"restored {c.loaded.iteration}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
