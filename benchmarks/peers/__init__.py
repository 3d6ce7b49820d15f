"""Other tools that check programs, each run on the zoo in an environment of its own."""
