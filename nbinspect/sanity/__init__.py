"""Sanity checks: uniform, run in order on what they need, guarded; they return records only."""
