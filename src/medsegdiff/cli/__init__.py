"""The terminal's face of the engine."""
