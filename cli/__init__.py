"""The `quorate` command: it wires the other packages together and speaks to people.

No rule of the ledger, of consensus or of a workflow lives here.
"""
