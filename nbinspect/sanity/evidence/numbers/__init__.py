"""What the numbers of a pass are: precision, NaN and infinities, derivatives by finite differences."""
