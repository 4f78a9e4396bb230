"""Whether the ports that nodes are to listen on are free on this machine."""

import errno
import os
import socket
from collections.abc import Iterable

_TAKEN = (errno.EADDRINUSE, errno.EACCES)


def taken_port(host: str, ports: Iterable[int]) -> str | None:
    """The first of the ports that cannot be had, and why, in words; None if all can.

    An address that is not this machine's says nothing about its ports: they count as free.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in ports:
        with socket.socket(family) as probe:
            # As servers do: connections that ended a moment ago hold no port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                if error.errno in _TAKEN:
                    return f"port {port} is not free ({os.strerror(error.errno)})"
    return None
