"""What the panes show: one record a kind, in the order of their keys."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """key: the digit that enlarges the pane. name: the snapshot's array. signed: shown by the signed map with a range,
    otherwise as a picture. by_theta: depends on the parameter derived by. locked: shares its range from the start.
    """

    key: int
    name: str
    title: str
    signed: bool = True
    by_theta: bool = False
    locked: bool = False
    note: str = ""
    """What stands muted beside the title; "{method}" is the method's name."""
    brief: str = ""
    """The same in a narrow pane."""
    empty: str = ""
    """What an empty pane says, and what its button does in one word."""
    icon: str = "image"
    action: str = ""

    @property
    def full_title(self) -> str:
        """A title that no other kind has: three show dI/dθ."""
        shared = sum(kind.title == self.title for kind in KINDS) > 1
        return f"{self.title}, {self.note.format(method='method')}" if shared else self.title


KINDS = (
    Kind(1, "target", "Target", signed=False, empty="No target yet."),
    Kind(2, "render", "Render", signed=False, empty="Nothing rendered yet."),
    Kind(
        3,
        "difference",
        "Difference",
        note="render − target",
        brief="2 − 1",
        empty="Nothing rendered yet.",
        icon="difference",
    ),
    Kind(
        4,
        "derivative",
        "dI/dθ",
        by_theta=True,
        locked=True,
        note="{method}",
        empty="No derivative yet.",
        icon="derive",
        action="Compute",
    ),
    Kind(
        5,
        "reference",
        "dI/dθ",
        by_theta=True,
        locked=True,
        note="finite diff.",
        empty="No reference derivative yet.",
        icon="flask",
        action="Compute",
    ),
    Kind(
        6,
        "disagreement",
        "Disagreement",
        by_theta=True,
        note="4 − 5",
        empty="The method less finite differences.",
        icon="difference",
        action="Compute",
    ),
    Kind(7, "loss_gradient", "dL/dI", note="of each pixel", empty="No loss gradient yet.", icon="loss"),
    Kind(
        8,
        "own_difference",
        "dI/dθ",
        by_theta=True,
        locked=True,
        note="of its own image",
        empty="Finite differences of the method's own forward image.",
        icon="flask",
        action="Compute",
    ),
)
BY_NAME = {kind.name: kind for kind in KINDS}
