"""What is kept of a run: states, key frames, session files, scripts."""
