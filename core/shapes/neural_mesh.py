"""A mesh with a neural texture: its texels are features, and a small network makes colours of them and the viewing ray.

What it shows is light, not albedo: lamps do not change it, and a highlight that moves with the camera can be learnt
(kernels/neural_texture.py). Texture coordinates come from the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from core.errors import RimlightError
from core.io.mesh_export import save_mesh
from core.io.neural_files import NeuralData, save_neural
from core.looking import placed
from core.shapes.labelling import Labelling
from core.shapes.textured_mesh import TexturedMesh, albedo_at
from kernels.host_texture import look_up_on_host
from kernels.neural_parts import FEATURES, initial_decoder, initial_features, turned_decoder
from kernels.neural_texture import decode, viewing_rays
from kernels.raster.interpolate import vertex_normals
from kernels.rotation import quaternion_matrix
from kernels.surface import SurfaceSamples, evaluate_fragments
from kernels.types import GBuffer, Lens, Values

RESOLUTION = 128
"""Texels a side, unless an experiment says otherwise: EdgeGrad has 1,024, for pictures of 800 pixels."""


class NeuralMesh(TexturedMesh):
    """Triangles whose texture holds features; "decoder" is the network's weights."""

    kind = "neural-mesh"
    title = "Mesh with a neural texture"
    needed = frozenset({"decoder"})
    """Parameters that evaluate needs even where nothing is free."""

    def __init__(
        self,
        vertices: np.ndarray,
        faces: np.ndarray,
        corner_uv: np.ndarray,
        features: np.ndarray,
        decoder: np.ndarray,
        normalisation: tuple[np.ndarray, float] = (np.zeros(3), 1.0),
        facts: Mapping[str, Any] | None = None,
        labelling: Labelling | None = None,
    ) -> None:
        """features [h, w, FEATURES]; decoder (WEIGHTS,); the others as of TexturedMesh."""
        super().__init__(vertices, faces, corner_uv, features, normalisation, facts, True, labelling)
        self.decoder = np.array(decoder, np.float32)
        self.decoder.flags.writeable = False

    @classmethod
    def from_neural(
        cls, data: Any, resolution: int = RESOLUTION, seed: int = 0, labelling: Labelling | None = None
    ) -> NeuralMesh:
        """From a reader's MeshData, with random features. Raises RimlightError without texture coordinates."""
        if data.corner_uv is None:
            raise RimlightError(
                f"{data.path.name}: has no texture coordinates; unwrap it first, or use shape.kind = 'mesh'"
            )
        features, decoder = initial_features(resolution, resolution, seed), initial_decoder(seed)
        place = (data.centre, data.scale)
        return cls(data.vertices, data.faces, data.corner_uv, features, decoder, place, data.facts, labelling)

    @classmethod
    def from_saved(cls, data: NeuralData, labelling: Labelling | None = None) -> NeuralMesh:
        """From a file that `save` wrote: what was learnt is kept."""
        mesh = data.mesh
        assert mesh.corner_uv is not None  # load_neural requires it
        place = (mesh.centre, mesh.scale)
        return cls(mesh.vertices, mesh.faces, mesh.corner_uv, data.features, data.decoder, place, mesh.facts, labelling)

    def begun_anew(self, resolution: int, seed: int) -> NeuralMesh:
        """The same mesh with other random features."""
        features, decoder = initial_features(resolution, resolution, seed), initial_decoder(seed)
        place = (self.centre, self.scale)
        return NeuralMesh(
            self.vertices, self.faces, self.corner_uv, features, decoder, place, self._facts, self.labelling
        )

    def parameters(self) -> dict[str, np.ndarray]:
        return {"vertices": self.vertices, "texture": self.texture, "decoder": self.decoder}

    def display_colours(self, values: Values) -> np.ndarray:
        """(n, 3): the mean features at each vertex, as somebody straight above it sees them."""
        uv = np.moveaxis(self.corner_uv, -1, 0)[None]
        corner = look_up_on_host(np.asarray(values["texture"], np.float32), uv, None)[0].reshape(FEATURES, -1)
        where, count = self.faces.reshape(-1), len(self.vertices)
        sums = np.stack([np.bincount(where, c, minlength=count) for c in corner])
        mean = (sums / np.maximum(np.bincount(where, minlength=count), 1)).astype(np.float32)
        rays = -vertex_normals(np.asarray(values["vertices"], np.float32), self.faces).T
        seen = decode(jnp.asarray(values["decoder"]), tuple(mean), (rays[0], rays[1], rays[2]))
        return np.clip(np.stack([np.asarray(c) for c in seen], -1), 0.0, 1.0)

    def save(self, path: str | Path, values: Values) -> None:
        """Write the posed mesh with the colours seen from above its vertices, and all of it beside that as NAME.npz,
        which can be opened again (core/io/neural_files.py)."""
        posed, _ = placed((np.asarray(values["vertices"], np.float64), self.faces), values)
        save_mesh(path, posed, self.faces, self.display_colours(values), self.centre, self.scale)
        decoder = turned_decoder(np.asarray(values["decoder"]), quaternion_matrix(np.asarray(values["pose.rotation"])))
        vertices, features = posed.astype(np.float64) * self.scale + self.centre, np.asarray(values["texture"])
        save_neural(Path(path).with_suffix(".npz"), vertices, self.faces, self.corner_uv, features, decoder)

    def rebuilt(self, values: Values, constants: Values) -> NeuralMesh:
        """The same mesh with the vertices, features and weights of a checkpoint."""
        return NeuralMesh(
            values["vertices"],
            constants["const.faces"],
            constants["const.uv"],
            values["texture"],
            values["decoder"],
            (self.centre, self.scale),
            {k: v for k, v in self._facts.items() if k == "warnings"},
            None if self.labelling is None else self.labelling.rebuilt(constants),
        )

    def evaluate_surface(
        self,
        values: Values,
        samples: SurfaceSamples,
        lens: Lens,
        *,
        channels: tuple[str, ...],
        free: frozenset[str],
        attached: bool = False,
    ) -> GBuffer:
        others = tuple(c for c in channels if c != "colour")
        bare = samples._replace(colours=None)
        gbuffer = evaluate_fragments(values, bare, lens, channels=others, free=free, attached=attached)
        if "colour" not in channels:
            return gbuffer
        layers = []
        for k, mask in enumerate(gbuffer.mask):
            held = samples.colours is not None
            features = tuple(samples.colours[k]) if held else albedo_at(values, samples, lens, k, attached)
            colour = decode(values["decoder"], features, viewing_rays(values, lens, gbuffer.x[k], gbuffer.y[k]))
            found = {**gbuffer.channels[k], "colour": tuple(jnp.where(mask, c, 0.0) for c in colour)}
            layers.append({name: found[name] for name in channels})
        background = {**gbuffer.background, "colour": tuple(values["background"][i] for i in range(3))}
        return gbuffer._replace(channels=tuple(layers), background={name: background[name] for name in channels})
