"""The statements that Quorate proves, one module each."""
