"""Ways to arrive from another address. All of 127.0.0.0/8 is this machine, so a client can connect from 127.0.0.2 and
counts as another client than one that connects from 127.0.0.1."""

import contextlib
import selectors
import socket
import threading

from stack import LOOPBACK


def connect(port, source=LOOPBACK, bound=30.0):
    """A TCP connection to a port of this machine from this loopback address."""
    return socket.create_connection((LOOPBACK, port), timeout=bound, source_address=(source, 0))


class Forwarder:
    """A port whose connections arrive at another port from the address `source`: for clients that cannot choose the
    address themselves, such as gRPC's and pyOCD. One thread carries the bytes of all connections."""

    def __init__(self, source, target_port):
        self._source = source
        self._target_port = target_port
        self._listener = socket.create_server((LOOPBACK, 0), backlog=1024)
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        self._peers = {}
        self._wake, self._woken = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def address(self):
        return f"{LOOPBACK}:{self.port}"

    def close(self):
        self._wake.close()
        self._thread.join()
        for each in [*self._peers, self._listener, self._woken]:
            each.close()
        self._selector.close()

    def _run(self):
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._woken:
                    return
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj in self._peers:
                    self._carry(key.fileobj)

    def _accept(self):
        client, _ = self._listener.accept()
        try:
            target = connect(self._target_port, self._source)
        except OSError:
            client.close()
            return
        for one, other in ((client, target), (target, client)):
            one.settimeout(None)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._peers[one] = other
            self._selector.register(one, selectors.EVENT_READ)

    def _carry(self, one):
        try:
            data = one.recv(1 << 16)
            if data:
                self._peers[one].sendall(data)
                return
        except OSError:
            pass
        for each in (one, self._peers[one]):
            self._selector.unregister(each)
            del self._peers[each]
            with contextlib.suppress(OSError):
                each.close()
