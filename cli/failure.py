"""How a command says that it failed: one sentence for people, on standard error.

Not a base class for the errors of other packages: those stay their own.
"""

import os
import sys
import traceback

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130


class CommandFailed(Exception):
    """What was expected, what came, and what to do; shown as it stands, exit code 1."""


def report(error: BaseException) -> int:
    """Print `error` without a traceback and return the process' exit code.

    `QUORATE_DEBUG=1` adds the traceback, for whoever maintains the code.
    """
    if isinstance(error, KeyboardInterrupt):
        print("quorate: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    if os.environ.get("QUORATE_DEBUG"):
        traceback.print_exception(error)
    print(f"quorate: {_sentence(error)}", file=sys.stderr)
    return EXIT_FAILED


def _sentence(error: BaseException) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    text = str(error).strip()
    return text or f"failed with {type(error).__name__}; QUORATE_DEBUG=1 shows where"
