"""What a fit is shown: views and their order, camera sets, pictures that load when needed, visual hulls, noise."""
