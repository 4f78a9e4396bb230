"""Calls, results and events of the contracts as Python values. No networking.

`contract` is general, the other modules speak to one contract each.
"""
