"""A node for tests whose build knows a protocol version that the product's does not have yet.

Run as `python -m tests.fire.newer_build node run FOLDER`. It does nothing new in that version: what
the product's own build does when such a version is voted in is what tests look at.
"""

import sys
from pathlib import Path

from ledger.protocol import PROTOCOL_VERSION, Build
from node.service import run_node

NEWER = Build(PROTOCOL_VERSION + 1, 0)

if __name__ == "__main__":
    run_node(Path(sys.argv[-1]), build=NEWER)
