"""What a network makes of samples: outputs read by task, the loss of each sample, passes that leave no trace."""
