"""Derivative images and questions about them: the method's, the reference's, probes, causes of zeros, sweeps, slices."""
