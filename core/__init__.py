"""What a fit is: shapes, views, targets, terms, optimizers, the problem and its step, the engine. No display."""
