"""The lab: probes, causes, vertex gradients, mesh health, step sweeps and loss landscapes, around the window's parts."""
