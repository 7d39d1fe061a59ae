"""The engine: the loop that owns a session, its process, and how commands, events and arrays get there and back."""
