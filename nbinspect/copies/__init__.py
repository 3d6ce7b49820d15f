"""Copies of a whole program: model, optimizer, loss, and all that the user's own functions reach, to be trained."""
