"""Short training runs on copies, observed from outside, and what is read from them."""
