"""Memory is given back: compiled code is forgotten where a process has grown, and not otherwise."""

from __future__ import annotations

from core.memory import Bound, forgettable, give_back, resident_bytes


def test_compiled_code_is_forgotten_beyond_a_bound() -> None:
    import jax

    kept, sizes = forgettable(), iter([100, 150, 201, 190, 280])
    kept["f"] = f = jax.jit(lambda x: x + 1)
    assert float(f(1.0)) == 2.0
    bound = Bound(limit=100, resident=lambda: next(sizes))
    assert not bound.visit()  # 150: 50 more than at first
    assert f._cache_size() == 1
    assert bound.visit()  # 201; 190 are left, and are no reason to forget again
    assert (kept, f._cache_size()) == ({}, 0)
    assert float(f(1.0)) == 2.0  # whoever still holds it compiles it again
    assert not bound.visit()  # 280


def test_freed_memory_is_no_longer_resident() -> None:
    import numpy as np
    import pytest

    before = resident_bytes()
    if before is None:
        pytest.skip("the system does not tell what is resident")
    blocks = [np.ones(8000) for _ in range(2000)]  # 64 kB each: of the heap, below what malloc maps
    kept = blocks[::100]
    del blocks
    give_back()
    assert (resident_bytes() or 0) - before < 40 << 20
    assert len(kept) == 20


def test_images_that_do_not_fit_are_refused_before_memory_is_taken(monkeypatch) -> None:
    import dataclasses

    import pytest

    from core import build
    from core.errors import RimlightError
    from core.experiment import Experiment, ViewsSpec

    small = resident_bytes()
    monkeypatch.setattr(build, "available_bytes", lambda: 5 * 10**9)
    made = dataclasses.replace(Experiment(), views=ViewsSpec(count=1, held_out=0, width=4096, height=4096))
    with pytest.raises(RimlightError, match=r"4096 x 4096 pixels by [a-z-]+ take about 6.7 GB .* 5.0 GB are free"):
        build.build(made)
    assert small is None or (resident_bytes() or 0) - small < 400 << 20
