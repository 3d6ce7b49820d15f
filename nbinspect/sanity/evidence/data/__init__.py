"""What loaders, data sets and batches hold: order, content, columns, simple models."""
