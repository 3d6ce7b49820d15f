"""Copies of a program that are trained, by the user's own step or a standard one, observed from outside."""
