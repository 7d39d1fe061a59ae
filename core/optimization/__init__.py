"""How a fit moves: terms, optimizers, parameterizations, least squares, schedules and stages."""
