"""Tensors to something that a person can look at: pictures, text, tables, series, sound, labels."""
