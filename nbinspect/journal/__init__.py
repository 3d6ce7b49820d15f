"""The journal: reports, runs and panel actions in one SQLite file, and two of them side by side."""
