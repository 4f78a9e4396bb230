"""What the HTTP server logs: faults of ours. A caller's broken request is counted, not told.

aiohttp logs a broken head, a broken body and a caller that leaves within one as errors with
tracebacks: whoever reaches the port could fill the log with them.
"""

from __future__ import annotations

import logging

from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web import RequestPayloadError

from node.metrics import Metrics

NAME = "node.rpc.http"
_CALLERS = (HttpProcessingError, RequestPayloadError, ConnectionError)


def logger_without_callers(metrics: Metrics) -> logging.Logger:
    """A logger of its own for one server, so that its filter is no other's."""
    logger = logging.Logger(NAME)
    logger.parent = logging.getLogger()
    logger.addFilter(_CallersFaults(metrics))
    return logger


class _CallersFaults(logging.Filter):
    def __init__(self, metrics: Metrics) -> None:
        super().__init__()
        self._metrics = metrics

    def filter(self, record: logging.LogRecord) -> bool:
        fault = record.exc_info[1] if record.exc_info else None
        if not isinstance(fault, _CALLERS):
            return True
        self._metrics.rpc_requests.labels("invalid", "error").inc()
        return False
