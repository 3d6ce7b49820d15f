"""The recipe of a training run: its steps, what has been run of them, and what comes next."""
