"""Speeds, printed as medians and as ratios to an anchor of the same run."""

import os

from core.engine.caches import DEVICE_SETTINGS

for _name, _value in DEVICE_SETTINGS.items():  # as in the engine; before JAX is imported
    os.environ.setdefault(_name, _value)
