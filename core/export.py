"""What a fit leaves behind: the shape in the units it came in, pictures, curves, the report. Files are replaced whole."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core import pictures
from core.accelerators import device
from core.catalog import entry
from core.comparison.curve_svg import curves_svg
from core.errors import RimlightError
from core.io.atomic import write_bytes, write_json, write_text
from core.io.suffixes import MESH_SUFFIXES
from core.problem import Vanished
from core.record.script import save_script
from core.targets.camera_frame import spread

MOST_SHEETS = 26
"""Fitted views that are drawn, evenly spread."""

if TYPE_CHECKING:
    from core.session import Session


def export(session: Session, what: str, path: str) -> None:
    """Write "shape" or "script" (a file), "images", "curves", "report" or "all" (a folder, or a file for curves and
    report)."""
    target = Path(path)
    if what == "script":
        save_script(session.experiment, target, session.history)
        return
    if what == "shape":
        export_shape(session, target)
        return
    if what == "curves" and target.suffix in (".csv", ".png", ".svg"):
        export_curves(session, target)
        return
    if what == "report" and target.suffix == ".json":
        write_json(target, report(session))
        return
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RimlightError(f"{target}: cannot be made a folder ({error.strerror}); choose another place") from error
    if what in ("images", "all"):
        export_images(session, target)
    if what in ("curves", "all"):
        export_curves(session, target / "history.csv")
        export_curves(session, target / "loss.png")
    if what in ("report", "all"):
        write_json(target / "report.json", report(session))
    if what == "all":  # the last, since it may be refused
        export_shape(session, target / shape_name(session))
    if what not in ("images", "curves", "report", "all"):
        raise RimlightError(f"export: {what!r} is not one of shape, script, images, curves, report, all")


def shape_name(session: Session) -> str:
    """The file name a final shape gets: a grid stays a grid."""
    return f"shape{session.problem.shape.file_suffix}"


def export_shape(session: Session, path: Path) -> None:
    """The current shape, posed, in the units and the place it came in: the cameras' world, where there is one. Raises
    Vanished where there is no surface to write as triangles; a field's own numbers are what they are without one."""
    values = session.host()
    shape: Any = session.problem.shape
    why = shape.nothing_left(values)
    if why and (path.suffix != shape.file_suffix or path.suffix in MESH_SUFFIXES):
        raise Vanished(f"{path.name}: not written, since there is no surface ({why}); go back to a step that has one")
    if session.scene.frame is not None:
        shape, values = session.scene.frame.in_file(shape, values)
    shape.save(path, values)


def export_curves(session: Session, path: Path) -> None:
    """Every step's loss and terms as CSV, or the loss curve as PNG or SVG."""
    if path.suffix == ".svg":
        write_text(path, curves_svg({session.problem.method.name: session.losses}, f"Loss, {session.experiment.title}"))
        return
    if path.suffix == ".png":
        picture = pictures.curve(
            {session.problem.method.name: session.losses or [1.0]}, f"Loss, {session.experiment.title}"
        )
        write_bytes(path, pictures.png_bytes(picture))
        return
    text = io.StringIO()
    writer = csv.writer(text)
    terms = [f"{t.loss}_{t.sees}" if entry("losses", t.loss)["sees"] else t.loss for t in session.problem.terms]
    names = [f"{i}_{t}" for i, t in enumerate(terms)]
    writer.writerow(["iteration", "loss", *names])
    parts_of = np.reshape(session.past.terms, (len(session.losses), -1)).tolist() if session.losses else []
    for i, (loss, parts) in enumerate(zip(session.losses, parts_of)):
        writer.writerow([i + 1, repr(loss), *(repr(p) for p in parts)])
    write_text(path, text.getvalue())


def export_images(session: Session, folder: Path) -> None:
    """Target, render, difference and dL/dI of every fitted view (at most 26) as one PNG a view, and their values."""
    for view in spread(len(session.problem.views), MOST_SHEETS):
        arrays = session.snapshot(view).arrays
        write_bytes(folder / f"view_{view:02d}.png", pictures.png_bytes(view_sheet(arrays)))
    values = session.host().get("values")
    if values is not None and np.ndim(values) == 3:
        from core.field_slices import slice_sheet

        gradient = (session.last.gradient if session.last else {}).get("values")
        sheet = slice_sheet(np.asarray(values), None if gradient is None else np.asarray(gradient))
        write_bytes(folder / "slices.png", pictures.png_bytes(sheet))
    kept = {n: session.snapshot(0).arrays[n] for n in ("target", "render", "difference", "loss_gradient")}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **kept)
    write_bytes(folder / "view_00.npz", buffer.getvalue())


def view_sheet(arrays: Any, side: int = 256) -> Any:
    """Target, render, difference and dL/dI beside each other."""
    panes = [pictures.pane(pictures.plain(arrays[n], side), n.capitalize()) for n in ("target", "render")]
    for name, title in (("difference", "Difference"), ("loss_gradient", "dL/dI")):
        limit = pictures.robust_range(arrays[name].mean(axis=-1))
        panes.append(pictures.pane(pictures.signed(arrays[name], limit, side), title, limit=limit))
    return pictures.side_by_side(panes)


def report(session: Session) -> dict[str, Any]:
    """report.json's content (DESIGN.md, "Command line")."""
    from core.metrics import surface_distances
    from core.parameters import display_values
    from core.versions import versions

    losses = list(session.losses)
    metrics: dict[str, Any] = session.all_metrics()
    values = session.host()
    truth = session.scene.target_mesh()
    if truth is not None:
        metrics.update(surface_distances(session.world_mesh(), truth))
    return {
        "title": session.experiment.title,
        "method": session.problem.method.name,
        "shape": session.problem.shape.kind,
        "seed": session.experiment.seed,
        "steps": session.state.iteration,
        "seconds": round(session.seconds, 4),
        "steps_per_second": round(session.state.iteration / session.seconds, 3) if session.seconds > 0 else 0.0,
        "loss": {
            "first": losses[0] if losses else None,
            "last": losses[-1] if losses else None,
            "curve": losses,
        },
        "metrics": metrics,
        "parameters": display_values({n: values[n] for n in session.state.values}),
        "stopped": session.finished(),
        "warnings": list(session.warnings),
        "device": device(),
        "versions": versions(),
    }
