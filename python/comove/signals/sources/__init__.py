"""Prediction sources: one opinion each on where a symbol will be."""
