"""Looking into the warp: weights along a ray, what every pixel keeps, how samples move, and the question that asks for it."""

from __future__ import annotations

import numpy as np
import pytest

from core.derivatives.answers import answer
from core.derivatives.questions import Unanswered, WarpLook, WarpLooked
from core.derivatives.warp_looking import points_kept, warp_field, weights_along
from core.experiment import PoseSpec, SceneSpec
from core.inspection import Rendered
from core.parameters import scene_values, theta_direction
from core.registry import methods
from core.shapes.loading import load_shape
from kernels.camera import look_at
from kernels.types import CameraView

SIDE = 32
FOCAL = 0.5 * SIDE / np.tan(np.radians(20.0))


class Standing:
    """As much of a session as the question needs: a ball at rest, seen from z = 3."""

    def __init__(self, method: str) -> None:
        shape, chosen = load_shape("sdf-analytic", None, "sphere", None), methods()[method]
        values = {**shape.parameters(), **shape.constants(), **scene_values(SceneSpec(), PoseSpec(), 40.0)}
        view = CameraView(look_at((0.0, 0.0, 3.0)), SIDE, SIDE)
        self.scene = Rendered(shape, chosen, chosen.Settings(), values, view, ("colour",))
        self.radius = float(values["sphere.radius"])
        self.state = type("State", (), {"iteration": 7})()

    def rendered(self, view: int) -> Rendered:
        return self.scene

    def direction(self, theta: str) -> dict:
        return theta_direction(theta, self.scene.values, (), None, 0)[1]

    def outline(self) -> float:
        """Half the ball's width on screen, pixels."""
        return FOCAL * self.radius / np.sqrt(9.0 - self.radius**2)


@pytest.fixture(scope="module")
def standing() -> Standing:
    return Standing("warp")


def test_weights_gather_where_a_ray_passes_the_surface(standing: Standing) -> None:
    ray = weights_along(standing.scene, 0.5 * SIDE + standing.outline() + 0.3, 0.5 * SIDE)
    assert ray.weight.sum() == pytest.approx(1.0)
    assert ray.chosen.sum() == pytest.approx(1.0)
    assert 1 <= (ray.chosen > 0).sum() < standing.scene.settings.top_k
    heaviest = ray.weight.argmax()
    assert ray.distance[heaviest] < 1.2 * ray.distance.min()
    assert ray.depth[heaviest] == pytest.approx(3.0 - standing.radius**2 / 3.0, abs=0.1)  # where the outline is
    assert len(weights_along(standing.scene, -400.0, 5.0).depth) == 0


def test_every_pixel_of_the_question(standing: Standing) -> None:
    column = int(0.5 * SIDE + standing.outline())
    *_, found = answer(standing, WarpLook(0, (column, SIDE // 2), "pose.translation.x"))  # type: ignore[arg-type]
    assert isinstance(found, WarpLooked)
    assert found.iteration == 7
    traced, kept = points_kept(standing.scene)
    np.testing.assert_array_equal(found.kept, kept)
    assert found.near[SIDE // 2, column]
    assert not found.near[SIDE // 2, SIDE // 2]
    assert not found.near[0, 0]
    assert ((kept < standing.scene.settings.top_k) & (kept <= traced)).all()
    assert kept[SIDE // 2, column] >= 1


def test_samples_move_with_the_outline(standing: Standing) -> None:
    """Along x a shift moves the ball's sides by focal / depth pixels a unit, and its top and bottom not at all."""
    motion = warp_field(standing.scene, standing.direction("pose.translation.x"))
    row, side = SIDE // 2, int(0.5 * SIDE + standing.outline())
    speed = FOCAL / (3.0 - standing.radius**2 / 3.0)
    assert motion[row, side, 0] == pytest.approx(speed, rel=0.12)
    assert motion[row, SIDE - 1 - side, 0] == pytest.approx(speed, rel=0.12)
    assert abs(motion[SIDE - 1 - side, row, 0]) < 0.1 * speed


def test_another_method_has_no_warp_to_look_at() -> None:
    (found,) = answer(Standing("sdf-local"), WarpLook(0, (3, 3)))  # type: ignore[arg-type]
    assert isinstance(found, Unanswered)
