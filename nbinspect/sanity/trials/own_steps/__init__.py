"""What the user's own steps do beside training: clear, clip, thaw, skip, keep graphs, evaluate."""
