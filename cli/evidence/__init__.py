"""The `quorate evidence` commands: a receipt of one group counts in a contract of another."""
