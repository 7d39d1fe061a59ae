"""Stored snapshots of the running fit and of the runs before it, so that the timeline can show every pane as it was.

A branch is one run's stretch of frames; a fork or a change of method begins a branch whose parent goes on existing.
Memory is bounded over all branches; arrays that frames share (app/frames.py) are counted once. No Qt.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from app.frames import Frame, lean
from core.protocol import Snapshot

FRAMES = 120
"""Frames kept of one branch: a step of the timeline is then finer than its thumbnails at 2560 pixels."""

BYTES = 512 * 2**20
"""Memory the frames of all branches may hold together: 60 of a 200K-vertex mesh with seven 256 x 256 panes."""

BRANCHES = 12
"""Runs kept; more cannot be told apart."""

WORTH_GIVING_BACK = 32 * 2**20
"""Where thinning frees so much, the system gets it: the heap would keep it until the branch has grown again."""


@dataclass(eq=False)
class Branch:
    """One run's frames in order of iteration. start: the iteration it began at, on `parent`'s last frame up to it."""

    method: str = ""
    start: int = 0
    parent: Branch | None = None
    frames: list[Frame] = field(default_factory=list)
    stride: int = 1

    def lineage(self) -> list[Branch]:
        """The branches that lead here, oldest first, this one last."""
        return [*(self.parent.lineage() if self.parent else ()), self]

    def path(self) -> list[Frame]:
        """Every stored frame on the way from the start to this branch's newest."""
        inherited = self.parent.path() if self.parent else []
        until = self.frames[0].iteration if self.frames else self.start + 1
        return [*(frame for frame in inherited if frame.iteration < until), *self.frames]

    @property
    def last(self) -> int:
        return self.frames[-1].iteration if self.frames else self.start


class Replay:
    """Frames evenly spaced over each branch; the last of the current branch is always the newest."""

    def __init__(self, frames: int = FRAMES, limit: int = BYTES) -> None:
        self._count, self.limit = frames, limit
        self.clear()

    def clear(self) -> None:
        self.current = Branch()
        self.branches = [self.current]
        self.selected: Branch | None = None
        """The branch on the timeline where it is not the current one."""
        self._geometry: dict[str, np.ndarray] = {}
        self._held: dict[int, list[int]] = {}
        self._bytes = 0
        self.freed = 0
        """Bytes that were given up for the frame added last, once nobody shows those frames any more."""

    # ------------------------------------------------------------------------------------------ branches

    def begin(self, method: str, start: int = 0, parent: Branch | None = None) -> None:
        """A new current branch, forked off `parent`; None is a run of its own. One that took no step is replaced."""
        before = self.current
        self.current = Branch(method, start, parent)
        self.selected = None
        if before.last <= before.start:
            self._forget(before)
            self.current.parent = before.parent if parent is before else parent
        self.branches = [branch for branch in self.branches if branch is not before or before.frames]
        self.branches.append(self.current)
        while len(self.branches) > BRANCHES:
            self._drop(self._oldest())

    def adopt(self, branches: list[Branch], current: int) -> None:
        """Stand as a session file says: these branches, one of them at hand."""
        self.clear()
        self.branches, self.current = branches, branches[current]
        for branch in branches:
            for frame in branch.frames:
                self._count_in(frame)
        newest = self.current.path()[-1:]
        for name in ("vertices", "faces") if newest else ():
            if name in newest[0].snapshot.arrays:
                self._geometry[name] = newest[0].snapshot.arrays[name]

    @property
    def frames(self) -> list[Frame]:
        """What the timeline shows: the way to the chosen branch's newest frame."""
        return (self.selected or self.current).path()

    def select(self, frame: Frame) -> None:
        """Put the branch on the timeline that holds `frame`; one that is on it already stays."""
        if not any(frame is other for other in self.frames):
            owner = self.owner(frame)
            self.selected = None if owner is self.current else owner

    def owner(self, frame: Frame) -> Branch | None:
        """The branch a frame belongs to, None for one that was thinned out."""
        return next((b for b in self.branches if any(frame is other for other in b.frames)), None)

    def _oldest(self) -> Branch:
        """The oldest branch that the one at hand does not grow from."""
        needed = self.current.lineage()
        return next((b for b in self.branches if not any(b is n for n in needed)), self.branches[0])

    def _drop(self, branch: Branch) -> None:
        """Forget a whole branch; its children begin at their own first frames."""
        self._forget(branch)
        self.branches = [b for b in self.branches if b is not branch]
        for other in self.branches:
            if other.parent is branch:
                other.parent = None
        if self.selected is branch:
            self.selected = None

    def _forget(self, branch: Branch) -> None:
        while branch.frames:
            self._pop(branch)

    # ------------------------------------------------------------------------------------------ frames

    def complete(self, snapshot: Snapshot) -> Snapshot:
        """`snapshot` with the faces and vertices it leaves out because they did not change."""
        for name in ("vertices", "faces"):
            if name in snapshot.arrays:
                self._geometry[name] = snapshot.arrays[name]
        missing = {name: array for name, array in self._geometry.items() if name not in snapshot.arrays}
        return dataclasses.replace(snapshot, arrays={**missing, **snapshot.arrays}) if missing else snapshot

    def add(self, snapshot: Snapshot, frame: Frame | None = None) -> None:
        """Store a completed snapshot, as `frame` where that is known already. One of the newest frame's iteration
        replaces it; one before it drops the rest."""
        branch = self.current
        if frame is None:
            state = next((f.state for f in reversed(branch.frames) if f.state is not None), None)
            frame = lean(snapshot, branch.frames[-1] if branch.frames else None, state)
        if frame is None:
            return
        while branch.frames and branch.frames[-1].iteration >= snapshot.iteration:
            self._pop(branch)
        if branch.frames and self._provisional(branch):
            self._pop(branch)
        branch.frames.append(frame)
        self._count_in(frame)
        full = self._bytes
        while len(branch.frames) > self._count:
            self._thin(branch)
        self.thin_to(self.limit)
        self.freed = full - self._bytes

    def thin_to(self, limit: int) -> None:
        """Give up frames until at most `limit` bytes are held, as far as that goes."""
        while self._bytes > limit and self._make_room():
            pass

    def resumable(self) -> Frame | None:
        """The newest frame on the way to the current branch's end that a fit can go on from."""
        return next((frame for frame in reversed(self.current.path()) if frame.state is not None), None)

    def _provisional(self, branch: Branch) -> bool:
        """Whether the newest frame gives way to the next: too near to the one before it, or nothing to fork from."""
        frames = branch.frames
        if len(frames) < 2:
            return False
        stateless = frames[-1].state is None and any(frame.state is not None for frame in frames)
        return stateless or frames[-1].iteration - frames[-2].iteration < branch.stride

    def _make_room(self) -> bool:
        """Thin the branch with the most frames; drop the oldest where none can be thinned. False where neither can."""
        longest = max(self.branches, key=lambda branch: len(branch.frames))
        if len(longest.frames) > 2:
            self._thin(longest)
            return True
        if len(self.branches) > 1 and self._oldest() is not self.current:
            self._drop(self._oldest())
            return True
        return False

    def _thin(self, branch: Branch) -> None:
        """Every second frame goes, the first and the newest stay."""
        frames = branch.frames
        branch.stride = max(1, -(-2 * (frames[-1].iteration - frames[0].iteration) // len(frames)))
        branch.frames = [*frames[:-1:2], frames[-1]]
        self._count_out(frames[1:-1:2])

    def _pop(self, branch: Branch) -> None:
        self._count_out([branch.frames.pop()])

    # ------------------------------------------------------------------------------------------ memory

    def _count_in(self, frame: Frame) -> None:
        for array in frame.held():
            entry = self._held.setdefault(id(array), [0, array.nbytes])
            self._bytes += array.nbytes if entry[0] == 0 else 0
            entry[0] += 1

    def _count_out(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            for array in frame.held():
                entry = self._held[id(array)]
                entry[0] -= 1
                if entry[0] == 0:
                    self._bytes -= entry[1]
                    del self._held[id(array)]

    def bytes(self) -> int:
        """Memory held, shared arrays counted once."""
        return self._bytes

    def nearest(self, iteration: int) -> int:
        """Index in `frames` of the one nearest to an iteration; there must be one."""
        return int(np.argmin([abs(frame.iteration - iteration) for frame in self.frames]))
