"""The log of a run in a folder: written by a script, followed from anywhere that sees the folder."""
