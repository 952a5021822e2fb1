"""Redirects connections from one port to another. Python runs this at its start with this folder in PYTHONPATH.

The program still sends the first port in its Host header, so the server accepts it.
"""

import os
import socket
from typing import Any

_asked, _led_to = map(int, os.environ["REROUTED"].split(":"))
_connect = socket.socket.connect


def _rerouted(one: socket.socket, address: Any) -> None:
    if isinstance(address, tuple) and address[1] == _asked:
        address = (address[0], _led_to, *address[2:])
    _connect(one, address)


socket.socket.connect = _rerouted  # type: ignore[assignment, method-assign]
