"""Prediction dynamics: what a network makes of a fixed batch while it trains, and the controls of the run."""
