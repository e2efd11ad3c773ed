"""The fronts: every way a person talks to Easel."""
