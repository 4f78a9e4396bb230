"""A node for tests that logs its TLS keys: run as `python -m tests.fire.traced node run FOLDER`.

Nothing else of it differs from the product's, unless FIRE_PLANT names a fault to plant in how it
syncs: `unsynced` never does, `unawaited` lets messages leave while a sync is still going on.
"""

import os
import ssl
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import node.group
from cli.main import main
from node.files import RealFiles
from node.p2p import tls

KEY_LOG = "FIRE_KEY_LOG"
PLANT = "FIRE_PLANT"
PLANTS = ("unsynced", "unawaited")


def _log_keys(restrict: Callable[..., ssl.SSLContext]) -> Callable[..., ssl.SSLContext]:
    def restricted(*arguments: Any) -> ssl.SSLContext:
        context = restrict(*arguments)
        context.keylog_filename = os.environ[KEY_LOG]
        return context

    return restricted


class _HastyExecutor(ThreadPoolExecutor):
    """Says that work is done as soon as it is begun."""

    def submit(self, *arguments: Any, **named: Any) -> "Future[Any]":
        super().submit(*arguments, **named)
        done: Future[Any] = Future()
        done.set_result(None)
        return done


if __name__ == "__main__":
    tls._restrict = _log_keys(tls._restrict)
    match os.environ.get(PLANT):
        case "unsynced":
            RealFiles.sync = lambda self, name: None  # type: ignore[method-assign]
        case "unawaited":
            node.group.ThreadPoolExecutor = _HastyExecutor  # type: ignore[misc]
        case plant:
            assert plant is None, f"no fault is called {plant}; there are: {', '.join(PLANTS)}"
    main()
