"""The engine's loop, in-process with a session that only counts."""

from __future__ import annotations

import pytest

from core import protocol
from core.engine.inbox import without_superseded
from core.engine.voice import Voice
from core.protocol import Derive, Load, Look, Message, Pause, Play, Quit, Reset, SetValue, Status, Step
from tests.fakes.desk import Desk
from tests.fakes.fake_session import experiment


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_load_says_so_shows_a_picture_and_stays_paused(desk: Desk) -> None:
    desk.do(Load(experiment("first")), turns=3)
    assert desk.statuses == [Status.LOADING, Status.PAUSED]
    (loaded,) = desk.of(protocol.Loaded)
    assert (loaded.generation, loaded.iteration, loaded.continued) == (1, 0, False)
    assert [(s.iteration, s.generation) for s in desk.snapshots] == [(0, 1)]
    assert "faces" in desk.snapshots[0].arrays
    assert desk.iterations == []


def test_play_compiles_steps_and_pauses(desk: Desk) -> None:
    desk.do(Load(experiment()), Play(), turns=5)
    assert desk.statuses == [Status.LOADING, Status.PAUSED, Status.COMPILING, Status.RUNNING]
    compiling = desk.of(protocol.StatusChanged)[2]
    assert compiling.text == "fake for 1 view"
    assert desk.iterations == [1, 2, 3, 4, 5]
    desk.do(Pause(), turns=3)
    assert desk.statuses[-1] is Status.PAUSED
    assert desk.sessions[0].iteration == 5


def test_no_scalars_are_lost_whether_snapshots_are_taken_or_not(desk: Desk) -> None:
    desk.do(Load(experiment()), Play(), turns=20)
    desk.takes = False
    shown = len(desk.snapshots)
    desk.later += 1.0
    desk.do(turns=20)
    assert len(desk.snapshots) == shown
    desk.takes = True
    desk.do(turns=20)
    assert [s.iteration for s in desk.snapshots[shown:]] == [41]
    desk.later += 1.0
    desk.do(turns=1)
    assert desk.snapshots[-1].iteration == 61
    assert sorted(set(desk.iterations)) == list(range(1, 62))


def test_step_takes_so_many_steps(desk: Desk) -> None:
    desk.do(Load(experiment()), Step(3), turns=6)
    assert desk.sessions[0].iteration == 3
    assert desk.statuses[-1] is Status.PAUSED
    desk.do(Step(), turns=2)
    assert desk.sessions[0].iteration == 4


def test_a_pause_tells_the_last_step_again_with_its_metrics(desk: Desk) -> None:
    desk.do(Load(experiment()), Step(2), turns=4)
    assert desk.iterations == [1, 2, 2]
    assert [dict(s.metrics) for s in desk.of(protocol.Scalars)] == [{}, {}, {"iou": 0.5}]


def test_steps_a_second_are_measured(desk: Desk) -> None:
    desk.do(Load(experiment(step_s=0.01)), Play(), turns=8)
    assert 10 < desk.of(protocol.Scalars)[-1].steps_per_second <= 100


def test_reset_pauses_at_the_start_and_shows_it(desk: Desk) -> None:
    desk.do(Load(experiment()), Play(), turns=5)
    desk.do(Reset(), turns=2)
    assert desk.statuses[-1] is Status.PAUSED
    assert desk.snapshots[-1].iteration == 0
    desk.do(Step(), turns=1)
    assert desk.iterations[-2:] == [1, 1]


def test_the_stop_rule_pauses_and_says_why(desk: Desk) -> None:
    desk.do(Load(experiment(stop=3)), Play(), turns=6)
    assert desk.sessions[0].iteration == 3
    assert desk.of(Message)[-1].text == "Stopped"
    desk.do(Play(), turns=2)
    assert desk.sessions[0].iteration == 3
    assert "Reset starts again" in desk.of(Message)[-1].text
    desk.do(Step(), turns=2)
    assert desk.sessions[0].iteration == 4


def test_a_value_takes_effect_at_once_while_paused(desk: Desk) -> None:
    desk.do(Load(experiment()), turns=2)
    shown = len(desk.snapshots)
    desk.do(SetValue("method.sigma", 2.0), turns=2)
    assert [s.values["value"] for s in desk.snapshots[shown:]] == [2.0]


def test_a_session_is_idle_when_there_is_nothing_to_do(desk: Desk) -> None:
    desk.do(Load(experiment()), turns=3)
    desk.waits.clear()
    desk.do(turns=1)
    assert desk.waits[0] == 0.5


@pytest.mark.parametrize(
    ("settings", "text", "details"),
    [
        ({"nonfinite_at": 3}, "pose.rotation is not finite in view 2 at iteration 3", ""),
        ({"fail_at": 3}, "The step failed: ZeroDivisionError: division by zero in two lines", "Traceback"),
    ],
)
def test_a_failing_step_pauses_with_one_line(desk: Desk, settings: dict, text: str, details: str) -> None:
    desk.do(Load(experiment(**settings)), Play(), turns=8)
    (message,) = desk.of(Message)
    assert message.level == "error"
    assert message.text.startswith(text)
    assert "\n" not in message.text
    assert message.details.startswith(details)
    assert desk.statuses[-1] is Status.PAUSED
    assert desk.snapshots[-1].iteration == 2
    assert desk.iterations == [1, 2, 2]


@pytest.mark.parametrize(
    ("error", "text", "remedy"),
    [
        (MemoryError(), "The step failed: out of memory; use a smaller shape, fewer views or smaller pictures", ""),
        (RuntimeError("RESOURCE_EXHAUSTED: allocating 9 bytes"), "The step failed: out of memory; use a smaller", ""),
        (RuntimeError("INTERNAL: CUDA_ERROR_ILLEGAL_ADDRESS"), "The step failed: RuntimeError: INT", "Restart engine"),
    ],
)
def test_what_a_machine_lacks_has_a_remedy(error: Exception, text: str, remedy: str) -> None:
    told: list[Message] = []
    Voice(told.append).fail(error, "The step failed")
    (message,) = told
    assert message.text.startswith(text)
    assert (message.level, message.remedy) == ("error", remedy)


def test_a_failed_load_keeps_what_was_there(desk: Desk) -> None:
    desk.do(Load(experiment("bad", bad=True)))
    assert desk.statuses == [Status.LOADING, Status.EMPTY]
    desk.do(Load(experiment("good")), Step(), turns=2)
    desk.do(Load(experiment("bad", bad=True)), turns=2)
    assert desk.of(Message)[-1] == Message("error", "fake.ply: it is bad; take another", "where it is bad")
    assert desk.statuses[-1] is Status.PAUSED
    desk.do(Step(), turns=2)
    assert desk.sessions[0].iteration == 2
    assert desk.snapshots[-1].generation == 1


def test_a_value_that_is_refused_is_a_message(desk: Desk) -> None:
    desk.do(Load(experiment()), SetValue("method.unknown", 1.0), turns=2)
    assert desk.of(Message)[-1].text.startswith("method.unknown")


def test_a_change_of_method_goes_on_where_the_fit_was(desk: Desk) -> None:
    desk.do(Load(experiment()), Step(3), turns=5)
    desk.do(Load(experiment("other"), keep_state=True), Step(), turns=3)
    loaded = desk.of(protocol.Loaded)[-1]
    assert (loaded.generation, loaded.iteration, loaded.continued) == (2, 3, True)
    assert desk.iterations[-1] == 4
    assert desk.snapshots[-1].generation == 2


def test_a_successor_goes_on_from_the_checkpoint(desk: Desk) -> None:
    desk.do(Load(experiment()), Step(3), SetValue("value.x", 7.0), turns=6)
    desk.later += 1.0
    desk.do()
    made_of, iteration, state = desk.saved[-1]
    assert iteration == 3
    heir = Desk()
    heir.do(protocol.Restore(made_of, state, iteration), turns=2)
    loaded = heir.of(protocol.Loaded)[-1]
    assert (loaded.iteration, loaded.continued) == (3, True)
    assert (heir.snapshots[-1].iteration, heir.snapshots[-1].values["value"]) == (3, 7.0)


def test_checkpoints_come_with_a_load_and_then_once_a_second(desk: Desk) -> None:
    desk.do(Load(experiment()), Play(), turns=50)
    assert len(desk.saved) == 1
    desk.later += 1.0
    desk.do(turns=50)
    assert [iteration for _, iteration, _ in desk.saved] == [0, 51]


def test_triangles_come_once_a_problem(desk: Desk) -> None:
    desk.do(Load(experiment()), turns=3)
    desk.do(SetValue("method.sigma", 1.0), turns=3)
    desk.do(Load(experiment(), keep_state=True), turns=3)
    assert ["faces" in s.arrays for s in desk.snapshots] == [True, False, True]


def test_a_new_problem_is_shown_even_if_the_last_picture_was_not_taken(desk: Desk) -> None:
    desk.takes = False
    desk.do(Load(experiment("one")), turns=3)
    desk.do(Load(experiment("two")), turns=3)
    assert [snapshot.generation for snapshot in desk.snapshots] == [1, 2]


def test_another_view_is_shown_while_paused(desk: Desk) -> None:
    desk.do(Load(experiment()), turns=2)
    desk.do(Look(2), turns=2)
    assert desk.snapshots[-1].view == 2


def test_an_export_is_confirmed(desk: Desk) -> None:
    desk.do(Load(experiment()), protocol.Export("shape", "out.ply"), turns=1)
    assert desk.of(protocol.Exported) == [protocol.Exported("shape", "out.ply")]


def test_progress_of_a_load_is_ended(desk: Desk) -> None:
    desk.do(Load(experiment(load_s=0.0)))
    assert [(p.task, p.done) for p in desk.of(protocol.Progress)] == [
        ("reading", False),
        ("reading", True),
        ("Compiling the first picture", False),
        ("Compiling the first picture", True),
    ]


def test_quit_ends_the_loop(desk: Desk) -> None:
    desk.commands.extend([Load(experiment()), Quit()])
    desk.engine.run()
    assert desk.statuses == [Status.EMPTY]


# ---------------------------------------------------------------------------------------------- commands that wait


@pytest.mark.parametrize(
    ("sent", "left"),
    [
        ([SetValue("a", 1), SetValue("b", 1), SetValue("a", 2)], [SetValue("b", 1), SetValue("a", 2)]),
        ([Look(1), Play(), Look(2)], [Play(), Look(2)]),
        ([Play(), Look(1), Derive("x"), Load(experiment("a"))], [Look(1), Derive("x"), Load(experiment("a"))]),
        ([Load(experiment("a")), Step(), Load(experiment("b"))], [Load(experiment("b"))]),
        (
            [Load(experiment("a")), SetValue("value.x", 1), SetValue("method.s", 1), Load(experiment("b"), True)],
            [Load(experiment("a")), SetValue("value.x", 1), Load(experiment("b"), True)],
        ),
        ([Load(experiment("a"), True), Load(experiment("b"), True)], [Load(experiment("b"), True)]),
        (  # what a successor is told: the state that a load is to keep comes first
            [protocol.Restore(experiment("a"), b"", 7), Play(), Load(experiment("b"), True)],
            [protocol.Restore(experiment("a"), b"", 7), Load(experiment("b"), True)],
        ),
        ([Reset(), Load(experiment("b"), True)], [Reset(), Load(experiment("b"), True)]),
        ([Load(experiment("a")), Quit()], [Quit()]),
        ([protocol.Export("all", "p"), Reset(), Quit()], [protocol.Export("all", "p"), Reset(), Quit()]),
        ([Play(), Pause()], [Play(), Pause()]),
    ],
)
def test_superseded_commands_are_left_out(sent: list, left: list) -> None:
    assert without_superseded(sent) == left


def test_a_stage_is_told_and_brings_its_topology_and_no_old_derivative(desk: Desk) -> None:
    desk.do(Load(experiment(staged_at=2)), Derive("value"), turns=6)
    assert "derivative" in desk.snapshots[-1].arrays
    desk.do(Step(1), turns=3)
    assert not desk.of(protocol.Staged)
    saved = len(desk.saved)
    before = len(desk.snapshots)
    desk.later += 10
    desk.do(Step(1), turns=1)
    desk.do(turns=2)
    (staged,) = desk.of(protocol.Staged)
    assert staged.text == "stage 1 of 1: fake"
    order = [type(e) for e in desk.events]
    assert order.index(protocol.Staged) < len(order) - 1 - order[::-1].index(protocol.Scalars)
    first = desk.snapshots[before]
    assert "faces" in first.arrays
    assert "derivative" not in first.arrays
    assert len(desk.saved) > saved


def test_a_fork_goes_on_from_a_state_that_came_with_a_snapshot(desk: Desk) -> None:
    desk.do(Load(experiment()), Step(4), turns=8)
    states = {s.iteration: s.arrays["state"] for s in desk.snapshots if "state" in s.arrays}
    desk.do(Step(3), turns=6)
    assert desk.engine.session is not None
    desk.do(protocol.Fork(states[4].tobytes(), 4), turns=3)
    loaded = desk.of(protocol.Loaded)[-1]
    assert (loaded.generation, loaded.iteration, loaded.continued) == (2, 4, True)
    assert desk.snapshots[-1].iteration == 4
    assert desk.statuses[-1] is Status.PAUSED
    assert desk.saved[-1][1] == 4
    desk.do(Step(1), turns=3)
    assert desk.iterations[-1] == 5
    desk.do(protocol.Fork(b"nonsense", 2), turns=2)
    assert desk.of(Message)[-1].level == "error"
