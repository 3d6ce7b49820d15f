"""What flows where in a recorded pass: the way of values and gradients, and where it ends."""
