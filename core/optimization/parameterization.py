"""What the optimizer moves, where that is not the parameters themselves: linear maps between the two.

A parameterization says how a gradient goes to the optimizer's variables (`pull`) and how a step comes back (`push`).
Large steps (Nicolet et al. 2021, Sec. 4): vertices v = (I + lambda L)^-1 u with the uniform Laplacian L = D - A, so a
gradient is solved once on its way to u, and the step in u once on its way back. Both run on the host, on float32.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from core.experiment import ParametersSpec
from kernels.network_parts import BIAS, WEIGHTS

Tangent = Mapping[str, Any]
"""Parameter name -> gradient or step."""

Solve = Callable[[np.ndarray], np.ndarray]
"""(n, k) float32 -> (n, k) float32; of a texture [height, width, k]."""


class Parameterization(Protocol):
    """A linear reparameterization of tangents."""

    def pull(self, gradient: Tangent) -> Tangent:
        """The gradient by what the optimizer moves, from the one by the parameters."""
        ...

    def push(self, step: Tangent) -> Tangent:
        """The parameters' step, from the optimizer's."""
        ...


class Identity:
    """The optimizer moves the parameters themselves."""

    def pull(self, gradient: Tangent) -> Tangent:
        return gradient

    def push(self, step: Tangent) -> Tangent:
        return step


IDENTITY = Identity()


@dataclass(frozen=True)
class LargeSteps:
    """Diffuses the tangents of vertex attributes over a mesh, of texels over their grid. solves: parameter -> its solver."""

    solves: Mapping[str, Callable[[], Solve]]

    def pull(self, gradient: Tangent) -> Tangent:
        return self._diffused(gradient)  # the matrix is symmetric, so it is its own transpose

    def push(self, step: Tangent) -> Tangent:
        return self._diffused(step)

    def _diffused(self, tangent: Tangent) -> Tangent:
        chosen = {n: solve()(np.asarray(tangent[n], np.float32)) for n, solve in self.solves.items() if n in tangent}
        return {**tangent, **chosen}


@dataclass(frozen=True)
class Scaled:
    """Some parameters in other units: each is `rates[name]` times what the optimizer moves, so Adam's steps are too."""

    rates: Mapping[str, float]

    def pull(self, gradient: Tangent) -> Tangent:
        return self._scaled(gradient)

    def push(self, step: Tangent) -> Tangent:
        return self._scaled(step)

    def _scaled(self, tangent: Tangent) -> Tangent:
        return {n: t * np.float32(self.rates.get(n, 1.0)) for n, t in tangent.items()}


def parameterization_of(spec: ParametersSpec, constants: Mapping[str, Any], values: Mapping[str, Any]) -> Any:
    """What `spec` asks for, on a shape with these constants ("const.edges" (e, 2) where it is a mesh) and values.

    Factors nothing yet: that is done when a tangent first goes through.
    """
    if spec.distance_rate != 1 and WEIGHTS in values:
        return Scaled({WEIGHTS: spec.distance_rate, BIAS: spec.distance_rate})
    strengths = {"vertices": spec.large_steps, "vertex_colours": spec.large_steps_colours}
    wanted = {n: s for n, s in strengths.items() if s > 0 and n in values}
    solves: dict[str, Callable[[], Solve]] = {}
    if wanted and "const.edges" in constants:
        edges, count = np.asarray(constants["const.edges"]), len(values["vertices"])
        solves = {n: functools.partial(diffusion, edges, count, s) for n, s in wanted.items()}
    if spec.large_steps_texture > 0 and "texture" in values:
        height, width = np.shape(values["texture"])[:2]
        solves["texture"] = functools.partial(texel_diffusion, height, width, spec.large_steps_texture)
    return LargeSteps(solves) if solves else IDENTITY


# ---------------------------------------------------------------------------------------------- solvers


_SOLVERS: dict[tuple[str, int, float], Solve] = {}

KEPT = 4
"""Factorizations kept: of the vertices and of their colours, before and after an edit. 200K vertices take 150 MB."""


def diffusion(edges: np.ndarray, count: int, strength: float) -> Solve:
    """A solver of (I + strength * L) x = b on `count` vertices joined by edges (e, 2); factored once and kept."""
    digest = hashlib.blake2b(np.ascontiguousarray(edges).tobytes(), digest_size=16).hexdigest()
    key = (digest, count, strength)
    if key not in _SOLVERS:
        while len(_SOLVERS) >= KEPT:
            _SOLVERS.pop(next(iter(_SOLVERS)))
        _SOLVERS[key] = factored(diffusion_matrix(edges, count, strength))
    return _SOLVERS[key]


@functools.lru_cache(maxsize=4)
def texel_diffusion(height: int, width: int, strength: float) -> Solve:
    """A solver of (I + strength * L) x = b on texels (height, width, C), L the uniform Laplacian of the four neighbours.

    Textures repeat, so the grid is a torus, whose Laplacian the Fourier transform diagonalises: exact, and without a
    factorization (EdgeGrad, Sec. 5: Laplacian preconditioning of textures).
    """
    from scipy import fft

    rows, columns = 2.0 * np.pi * np.arange(height) / height, 2.0 * np.pi * np.arange(width // 2 + 1) / width
    eigenvalues = 4.0 - 2.0 * np.cos(rows)[:, None] - 2.0 * np.cos(columns)[None, :]
    response = (1.0 / (1.0 + strength * eigenvalues)).astype(np.float32)[..., None]

    def solve(right: np.ndarray) -> np.ndarray:
        spectrum = np.asarray(fft.rfft2(np.asarray(right, np.float32), axes=(0, 1)))
        return np.asarray(fft.irfft2(spectrum * response, s=(height, width), axes=(0, 1)), np.float32)

    return solve


def diffusion_matrix(edges: np.ndarray, count: int, strength: float) -> Any:
    """I + strength * L as a (count, count) float64 CSC matrix, L the uniform Laplacian D - A."""
    from scipy.sparse import coo_matrix, diags

    a, b = edges[:, 0], edges[:, 1]
    ones = np.ones(2 * len(edges))
    links = coo_matrix((ones, (np.concatenate([a, b]), np.concatenate([b, a]))), (count, count)).tocsc()
    degree = np.asarray(links.sum(axis=1)).ravel()
    return (diags(1.0 + strength * degree) - strength * links).tocsc()


def factored(matrix: Any) -> Solve:
    """A solver of a symmetric positive definite CSC matrix: Cholesky where cholespy is installed, else SciPy's LU."""
    try:
        return _cholesky(matrix)
    except ImportError:
        return _superlu(matrix)


def _cholesky(matrix: Any) -> Solve:
    """CHOLMOD through cholespy: 3 times faster to solve than SuperLU."""
    from cholespy import CholeskySolverF, MatrixType  # pyright: ignore[reportMissingImports]

    entries = matrix.tocoo()
    rows, columns = entries.row.astype(np.int32), entries.col.astype(np.int32)
    solver = CholeskySolverF(matrix.shape[0], rows, columns, entries.data.astype(np.float64), MatrixType.COO)

    def solve(right: np.ndarray) -> np.ndarray:
        found = np.zeros(right.shape, np.float32)
        solver.solve(np.array(right, np.float32, order="C"), found)  # it refuses read-only arrays
        return found

    return solve


def _superlu(matrix: Any) -> Solve:
    from scipy.sparse.linalg import splu

    lu = splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    return lambda right: lu.solve(np.asarray(right, np.float64)).astype(np.float32)
