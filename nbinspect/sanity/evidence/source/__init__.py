"""What the user's own source says, and remedies as a change of a line."""
