"""Whether labels can be learnt from the inputs, and are told of other samples."""
