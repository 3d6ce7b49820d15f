"""How sure figures are that were measured on some samples only."""
