"""How the layers of a network fare: signal through the depth, units, normalisation."""
