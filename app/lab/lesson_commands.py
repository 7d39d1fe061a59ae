"""What a lesson's button asks of the lab; app/lessons.py lists it all."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.lab.desk import Lab


def carry_out(lab: Lab, command: str) -> None:
    """probe=X:Y, wrong-zero, gradients, health, slice=AXIS:SHARE or slice=AXIS:SHARE:gradient, pane=KEY, sweep,
    landscape=THETA:THETA:SPAN:CENTRE (all but the first may be empty)."""
    name, _, value = command.partition("=")
    if name == "probe":
        x, _, y = value.partition(":")
        lab.prober.pin((int(x), int(y)))
    elif name == "wrong-zero":
        lab.prober.pin(lab.prober.wrong_zero())
    elif name == "gradients":
        lab.actions.gradients.setChecked(True)
    elif name == "health":
        lab.actions.health.setChecked(True)
    elif name == "slice":
        axis, share, *shows = value.split(":")
        lab.overlays.slices.show("xyz".index(axis), float(share), shows == ["gradient"])
    elif name == "pane":
        lab.window.panes.set_pane_shown(int(value), True)
    elif name == "sweep":
        lab.open_sweep().compute()
    else:
        across, up, span, centre, *_ = [*value.split(":"), "", "", ""]
        lab.open_landscape().compute_over(across, up, float(span or 0.0), float(centre) if centre else None)
