"""Standing inside a live forward pass: suspended, looked at, changed, and gone on with."""
