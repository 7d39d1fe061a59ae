"""The K-layer triangle sampler."""
