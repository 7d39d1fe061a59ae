"""The window and the command line: draws what the engine posts, computes nothing numerical."""
