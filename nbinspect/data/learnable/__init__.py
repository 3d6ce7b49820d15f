"""What simple models make of the same samples, and what more data would bring."""
