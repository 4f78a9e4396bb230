"""The node's audit log: who read what, who was refused, what the operator had the node do.

`entries` is the form, `chain` checks it, `log` writes it, `asked` says what was asked without
personal data.
"""
