"""What a block means: values, codec, validity, gate, state, engines, proofs and the block store.

No sockets, no clocks, no threads. It imports nothing of the other packages.
"""

import os

# eth-hash picks its backend at first use: pysha3 hashes six times faster than pycryptodome.
os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")
