"""A comparison on screen: what all runs share, a card a run, below them curves and table.

Convention: images come by the lanes' names (core/comparison/lanes.py); zoom, cursor and the derivatives' range are shared by all.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from PyQt6.QtCore import QTimer, pyqtSignal
from PyQt6.QtWidgets import QFrame, QHBoxLayout

from app.compare.column import ROWS, SHARED_ROWS, Column
from app.compare.curves import CurvesCard
from app.compare.path import PathCard, Paths
from app.compare.table import FINAL, Table
from app.panes.linking import Linking
from app.panes.pane import CAPTION_HEIGHT, Pane
from app.panes.plates import Plate
from app.panes.ranges import Ranges
from app.panes.words import Context, words
from app.runs import Series
from app.theme import GAP, PANE_GAP, Theme
from app.turns import Post, at_once
from app.widgets import Themed, clear, current_theme, hbox, restyle, vbox
from core.catalog import entry
from core.comparison.lanes import lane_names, lane_note, lane_tokens, of_lane, split_lane
from core.comparison.table import LaneResult, lane_noise, lane_results, noise_lines, terms_lines
from core.experiment import Experiment
from core.protocol import Agreement, Loaded, Scalars, Snapshot

REDRAW_MS = 100
"""Curves and table follow at most ten times a second."""
LOWER = 0.31
"""Of the height: curves and table."""
LOWER_SHARES = (36, 13, 51)
"""Of the width: curves, path, table."""
BEHIND = "Rel. L2, silhouette, cosine and total are of derivative images that are some steps behind."
PATH_ROOM = 1300
"""Logical pixels of width from which the path is shown."""


class CompareView(QFrame, Themed):
    """menu_wanted(lane number or -1, widget): a card's "more" button."""

    menu_wanted = pyqtSignal(int, object)

    def __init__(self, post: Post = at_once) -> None:
        """post: gives each pane's work a turn of its own."""
        super().__init__()
        self._post = post
        self.setObjectName("ground")
        self.theme = current_theme()
        self.columns: list[Column] = []
        self.panes: dict[str, Pane] = {}
        self.experiment = Experiment()
        self.linking: Linking | None = None
        self._iteration, self._view, self._theta = -1, 0, None
        self._shown: int | None = None
        self._terms: list[str] = []
        self._sees = frozenset[str]()
        self._differences, self._derivatives = Ranges(set()), Ranges(set())
        self._cards: QHBoxLayout = hbox(gap=GAP)
        self.table, self.path, self.curves = Table(), PathCard(), CurvesCard()
        self.table.when.chosen.connect(lambda _: self.refresh())
        self._lower = hbox(self.curves, self.path, self.table, gap=GAP)
        for index, share in enumerate(LOWER_SHARES):
            self._lower.setStretch(index, share)
        layout = vbox(self._cards, GAP, self._lower)
        layout.setStretch(0, 69)
        layout.setStretch(2, 31)
        self.setLayout(layout)
        self.forget()
        self._pending = QTimer(self)
        self._pending.setSingleShot(True)
        self._pending.setInterval(REDRAW_MS)
        self._pending.timeout.connect(self.refresh)

    # ------------------------------------------------------------------------------------------ what it is told

    def forget(self) -> None:
        """Another run: no number of the one before is shown as its own."""
        self.series: list[Series] = [Series() for _ in self.columns]
        self._measured: list[dict[str, Series]] = [{} for _ in self.columns]
        self.paths = Paths(len(self.columns))
        self._scalars: tuple[Scalars, ...] = ()
        self._metrics: list[dict[str, float]] = [{} for _ in self.columns]
        self._agreements: dict[int, Agreement] = {}

    def set_loaded(self, loaded: Loaded) -> None:
        """Build the cards of an experiment with lanes."""
        changed = loaded.experiment.lanes != self.experiment.lanes or not self.columns
        self.experiment = loaded.experiment
        self._sees = frozenset(term.sees for term in self.experiment.terms if entry("losses", term.loss)["sees"])
        if changed:
            self._terms = terms_lines(self.experiment)
            self._build()
        if not loaded.continued or changed:
            self.forget()
        self.refresh()

    def _build(self) -> None:
        clear(self._cards)
        first = Column("Reference", "", "", SHARED_ROWS, "What every run is compared with")
        self.columns, cards = [], [first]
        self.panes = {"target": first.panes["target"], "reference": first.panes["reference"]}
        tokens = lane_tokens(self.experiment)
        self.table.tokens = tokens
        for i, (lane, name) in enumerate(zip(self.experiment.lanes, lane_names(self.experiment))):
            note = "" if "," in name else lane_note(self.experiment, lane)
            column = Column(name, tokens[i], note, ROWS, f"{name}: its own forward image, and its derivative")
            self.columns.append(column)
            cards.append(column)
            self.panes |= {of_lane(n, i): pane for n, pane in column.panes.items()}
        for i, card in enumerate(cards, -1):
            self._cards.addWidget(card, card.weight)
            card.menu_wanted.connect(lambda widget, i=i: self.menu_wanted.emit(i, widget))
            card.loss_hint.setVisible(i >= 0)
        self._differences = Ranges({n for n in self.panes if split_lane(n)[1] == "difference"})
        by_theta = ("derivative", "reference", "disagreement")
        self._derivatives = Ranges({n for n in self.panes if split_lane(n)[1] in by_theta})
        self.linking = Linking(self.panes.values(), self)
        for name, pane in self.panes.items():
            ranges = self._differences if split_lane(name)[1] == "difference" else self._derivatives
            pane.lock_toggled.connect(lambda on, n=name, r=ranges: (r.lock(n, on), self._draw()))
            pane.footer.range_edited.connect(lambda limit, n=name, r=ranges: (r.type(n, limit), self._draw()))
            pane.footer.range_reset.connect(lambda n=name, r=ranges: (r.type(n, None), self._draw()))
        self.curves.set_runs(lane_names(self.experiment), tokens)
        restyle(self, self.theme)
        self._fit()

    def show_snapshot(self, snapshot: Snapshot, plates: Mapping[str, Plate] | None = None) -> None:
        """The images of all lanes; those it does not bring stay, unless they are of another view or parameter."""
        turned = snapshot.view != self._view or snapshot.theta != self._theta
        self._view, self._theta, self._iteration = snapshot.view, snapshot.theta, snapshot.iteration
        for name, pane in self.panes.items():
            if split_lane(name)[1] == "derivative":
                pane.note.setText(snapshot.theta or "")
            array = snapshot.arrays.get(name)
            if array is not None or turned:
                pane.set_array(array, snapshot.stamps.get(name, snapshot.iteration), (plates or {}).get(name))
        self.paths.add(snapshot.iteration, snapshot.values)
        self._draw()
        if not self._pending.isActive():
            self._pending.start()

    def add_steps(self, batch: list[Scalars]) -> None:
        """Numbers of every step, by lane."""
        for scalars in batch:
            for i, own in enumerate(scalars.lanes[: len(self.series)]):
                if len(self.series[i]) and own.iteration < self.series[i].x[-1]:
                    self.forget()
                if own.iteration > 0:
                    self.series[i].put(own.iteration, own.loss)
                    self.paths.add_step(i, own.iteration, own.places)
                    self._measure(i, own.iteration, own.metrics)
            self._scalars = scalars.lanes or self._scalars
            for name, value in scalars.metrics.items():
                lane, plain = split_lane(name)
                if lane < len(self._metrics):
                    self._measure(lane, scalars.iteration, {plain: value})
        if not self._pending.isActive():
            self._pending.start()

    def _measure(self, lane: int, iteration: int, metrics: Mapping[str, float]) -> None:
        self._metrics[lane] |= metrics
        for name, value in metrics.items():
            self._measured[lane].setdefault(name, Series()).put(iteration, value)

    def set_agreement(self, agreement: Agreement) -> None:
        self._agreements[agreement.lane] = agreement
        if not self._pending.isActive():
            self._pending.start()

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        self._draw()

    # ------------------------------------------------------------------------------------------ drawing

    def _draw(self) -> None:
        """Every pane, each in its turn."""
        for name in self.panes:
            self._post(f"compared {name}", partial(self._draw_pane, name), self)

    def _draw_pane(self, name: str) -> None:
        """A pane on its group's range; it may be gone since."""
        pane = self.panes.get(name)
        if pane is None:
            return
        limit, edited = self._limits().get(name, (None, False))
        text, _, facts = words(pane, Context(self._sees, self._view, self._theta, None, set()))
        if split_lane(name)[1] == "render" and pane.array is not None:
            facts = "its own forward image"
        pane.set_empty(text, "", facts)
        pane.draw(limit, edited, self._sees)
        pane.set_remarks(self._iteration, None)

    def _limits(self) -> dict[str, tuple[float | None, bool]]:
        """Every pane's range, and whether it was typed."""
        own = {name: pane.own_range("luminance") for name, pane in self.panes.items()}
        return {
            **self._derivatives.limits(
                {n: r for n, r in own.items() if n in self._derivatives.locked or r is not None}
            ),
            **self._differences.limits({n: r for n, r in own.items() if split_lane(n)[1] == "difference"}),
        }

    def refresh(self) -> None:
        """Curves and table."""
        for i, column in enumerate(self.columns):
            column.set_scalars(self._scalars[i] if i < len(self._scalars) else None)
        if not self.columns:
            return
        results = self._results()
        noise, repeats = lane_noise(self.experiment, results)
        remarks = [*(noise_lines(results, noise, repeats) if repeats else []), *self._terms]
        behind = any(found.iteration != self._newest() for found in self._agreements.values())
        self.table.set_results(results, noise, [*remarks, *([BEHIND] if behind and self._of_newest() else [])])
        self.path.draw(self.paths, self.tokens, self._shown)
        self.curves.show_runs(self.series, self._measured, self.experiment.stop.steps)

    def _newest(self) -> float:
        """The last step that was taken."""
        return max((series.x[-1] for series in self.series if len(series)), default=0)

    def _of_newest(self) -> bool:
        """Whether the table is of that step."""
        return self.table.when.index() == FINAL or self._shown is None or self._shown >= self._newest()

    def _results(self) -> list[LaneResult]:
        """The table's rows: of the step on screen where the switch says so and a later one was taken, else the newest."""
        trouble = {i: s.trouble for i, s in enumerate(self._scalars) if s.trouble}
        at = None if self._of_newest() else self._shown
        curves = [series.until(at) for series in self.series]
        steps, losses = [x for x, _ in curves], [y for _, y in curves]
        if at is None:
            pace = [(s.seconds, s.steps_per_second) for s in self._scalars] or [(0.0, 0.0)] * len(self.columns)
            return lane_results(self.experiment, losses, self._metrics, self._agreements, pace, trouble, steps)
        metrics = [{n: v for n, s in own.items() if (v := s.at(at)) is not None} for own in self._measured]
        judged = {i: found for i, found in self._agreements.items() if found.iteration == at}
        return lane_results(self.experiment, losses, metrics, judged, [(0.0, 0.0)] * len(self.columns), trouble, steps)

    @property
    def iteration(self) -> int | None:
        """The step on screen."""
        return self._shown

    @property
    def tokens(self) -> list[str]:
        """What every run is coloured by."""
        return [column.token for column in self.columns]

    def set_shown(self, iteration: int | None) -> None:
        """The dashed line of the curves, the dots of the paths."""
        if iteration == self._shown:
            return
        self._shown = iteration
        self.table.set_step(iteration)
        self.curves.mark(iteration)
        if not self._pending.isActive():
            self._pending.start()

    def resizeEvent(self, event) -> None:  # type: ignore[no-untyped-def]
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Square pictures where there is room: the lower row gets what they leave, the path only in a wide one."""
        self.path.setVisible(self.width() >= PATH_ROOM)
        shares = LOWER_SHARES if self.width() >= PATH_ROOM else (LOWER_SHARES[0], LOWER_SHARES[2])
        self.curves.fit(self.width() * shares[0] / sum(shares))
        panes = 1 + 2 * len(self.columns)
        width = (self.width() - GAP * len(self.columns) - 2 * (PANE_GAP + 2) * (1 + len(self.columns))) / panes
        picture = int(width - PANE_GAP)
        wanted = 36 + 2 * (CAPTION_HEIGHT + 2 + picture + 4 + 24) + 14
        upper = min(wanted, int((1 - LOWER) * self.height()))
        layout = self.layout()
        layout.setStretch(0, max(upper, 1))  # type: ignore[union-attr]
        layout.setStretch(2, max(self.height() - upper - GAP, 1))  # type: ignore[union-attr]
        for card in (self._cards.itemAt(i).widget() for i in range(self._cards.count())):  # type: ignore[union-attr]
            if isinstance(card, Column):
                card.set_picture_height(max(picture, 60))
