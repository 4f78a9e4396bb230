"""An officer's account and certificate, asked for with keys that never leave the officer."""
