"""Connections without a handshake: `python -m tests.fuzz.half_open COUNT SECONDS ADDRESS`.

A process of its own. It keeps COUNT connections open or opening until its time is over, from many
loopback addresses so that ports suffice; half of them send the beginning of a TLS hello. What the
node closes is made anew.
"""

import contextlib
import json
import resource
import selectors
import socket
import sys
import time

HOSTS = 60
FIRST_HOST = 2
"""127.0.0.1 is left to the nodes of the network."""
SPARE_FILES = 200
BATCH = 250
HELLO_PART = bytes.fromhex("1603010200010001fc0303") + bytes(64)


def besiege(address: tuple[str, int], count: int, seconds: float) -> dict[str, int]:
    """How many connections were made, and the most that were open at one time."""
    selector = selectors.DefaultSelector()
    made = open_now = open_max = turn = 0
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for _ in range(min(BATCH, count - open_now)):
            turn += 1
            attacker = _connect(address, f"127.0.0.{FIRST_HOST + turn % HOSTS}")
            if attacker is not None:
                selector.register(attacker, selectors.EVENT_WRITE, turn % 2 == 0)
                open_now += 1
        open_max = max(open_max, open_now)
        for key, events in selector.select(0.05):
            attacker = key.fileobj
            assert isinstance(attacker, socket.socket)
            try:
                if events & selectors.EVENT_WRITE:
                    if attacker.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                        raise ConnectionError
                    made += 1
                    if key.data:
                        attacker.send(HELLO_PART)
                    selector.modify(attacker, selectors.EVENT_READ, key.data)
                elif attacker.recv(100):
                    continue
                else:
                    raise ConnectionError
            except OSError:
                selector.unregister(attacker)
                attacker.close()
                open_now -= 1
    for key in list(selector.get_map().values()):
        with contextlib.suppress(OSError):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
    return {"made": made, "open_max": open_max}


def _connect(address: tuple[str, int], source: str) -> socket.socket | None:
    attacker = socket.socket()
    attacker.setblocking(False)
    # A port is chosen at connect, when the whole address pair is known: else 28,000 would be all.
    attacker.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
    try:
        attacker.bind((source, 0))
        attacker.connect(address)
    except BlockingIOError:
        return attacker
    except OSError:
        attacker.close()
        return None
    return attacker


def main() -> None:
    """The figures as JSON on standard output."""
    count, seconds = int(sys.argv[1]), float(sys.argv[2])
    host, _, port = sys.argv[3].rpartition(":")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(hard, count + SPARE_FILES),) * 2)
    print(json.dumps(besiege((host, int(port)), count, seconds)))


if __name__ == "__main__":
    main()
