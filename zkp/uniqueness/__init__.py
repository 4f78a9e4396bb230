"""Is a circuit under-constrained? `check` answers unique, counterexample or unknown.

Not a proof that a circuit says the right thing: only that its inputs leave nothing to choose.
"""
