"""Pure functions on arrays (JAX, NumPy, Numba) and the types Method, Setting and the shape faces."""
