"""Business on top of the ledger: each workflow is a client, and trusts what it can check."""
