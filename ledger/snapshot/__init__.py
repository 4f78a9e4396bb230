"""A group's state after one block in a file, with all that proves it from the genesis document."""
