"""Settings that all tests share. Machines are noisy, so no test is held to a deadline."""

from hypothesis import settings

settings.register_profile("quorate", deadline=None, print_blob=True)
settings.load_profile("quorate")
