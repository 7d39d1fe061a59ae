"""What a pane says where there is no picture, and below one."""

from __future__ import annotations

from dataclasses import dataclass

from app import numbers
from app.panes.maps import channel_of
from app.panes.pane import Pane
from core.protocol import Agreement


@dataclass(frozen=True)
class Context:
    """What the words depend on. sees: the channels of the problem's losses."""

    sees: frozenset[str]
    view: int
    theta: str | None
    agreement: Agreement | None
    waiting: set[str]


def words(pane: Pane, context: Context) -> tuple[str, str, str]:
    """The sentence of the empty pane, the label of its button ("" for none), and the line below."""
    kind = pane.kind
    if pane.array is not None:
        height, width = pane.array.shape[:2]
        channel = channel_of(pane.array, context.sees)
        what = "sRGB" if channel == "colour" else channel
        when = f"view {context.view}" if kind.name == "target" else f"it {pane.stamp}"
        return "", "", f"{when}, {width} × {height} px, {what}"
    if kind.by_theta and context.theta is None:
        return "Choose a parameter to derive by.", "Choose" if kind.name == "derivative" else "", "no parameter"
    if kind.name in context.waiting:
        return "", "", "no range yet"
    if kind.name == "disagreement":
        return kind.empty, kind.action, "needs finite differences"
    if kind.name == "reference" and context.agreement is not None and context.agreement.reference_ms > 0:
        seconds = numbers.number(context.agreement.reference_ms / 1000, 2)
        return f"{kind.empty} It takes {seconds} s.", kind.action, "no range yet"
    return kind.empty, kind.action, "no range yet" if kind.signed else ""
