"""A ProxyCommand that counts what the client sends, and at a given count cuts or kills.

relay.py HOST PORT COUNT cut|kill FOLDER: at the COUNTth piece, before it is passed on, the
connection is cut or the client killed, and FOLDER/struck is made. COUNT 0 never strikes.
"""

import contextlib
import os
import selectors
import signal
import socket
import sys
from pathlib import Path


def main(host: str, port: str, count: str, how: str, folder: str) -> None:
    client = os.getppid()
    sent = 0
    with socket.create_connection((host, int(port))) as far, selectors.DefaultSelector() as news:
        news.register(far, selectors.EVENT_READ, 1)
        news.register(0, selectors.EVENT_READ, far.fileno())
        while True:
            for key, _ in news.select():
                piece = os.read(key.fd, 1 << 16)
                if not piece:
                    return
                if key.fd == 0:
                    sent += 1
                    if sent == int(count):
                        Path(folder, "struck").touch()
                        if how == "kill":
                            os.kill(client, signal.SIGKILL)
                        return
                os.write(key.data, piece)


with contextlib.suppress(OSError):
    main(*sys.argv[1:])
