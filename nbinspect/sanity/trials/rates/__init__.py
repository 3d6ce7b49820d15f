"""Learning rates: the range test, schedules as they are seen, sizes of updates."""
