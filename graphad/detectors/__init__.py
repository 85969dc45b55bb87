"""Detectors: from graphs to arrays, through a model, back to scores with evidence."""
