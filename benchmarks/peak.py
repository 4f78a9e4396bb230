"""Runs a command and prints the most memory it had resident, in kibibytes.

A process of its own, and a small one: Linux counts to a child what its parent had when it started
it, so a benchmark with keys in memory would find its own size in every child.
"""

import os
import subprocess
import sys


def main() -> int:
    """The command's arguments are this one's."""
    # What the command says goes nowhere but for its errors: the output is the figure.
    process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    print(usage.ru_maxrss)
    return process.returncode


if __name__ == "__main__":
    sys.exit(main())
