"""Experiment files: reading and writing, the schema, what keys must agree on, defaults."""
