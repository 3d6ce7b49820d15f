"""Live torch in, records out: what entered the network, caught at its own door."""
