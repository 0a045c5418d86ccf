"""A minimal HTTP/2 client (RFC 9113) that sends whatever frames a test wants, in particular what gRPC's own client never
sends: unfinished messages, floods of resets, endless headers. It honours flow control only if asked to."""

import dataclasses
import select
import struct
import time

import other_address
from stack import BOUND, LOOPBACK

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS = 0x1, 0x1, 0x4
INITIAL_WINDOW_SIZE = 4  # a setting
CANCEL = 8  # an error code
GRPC_PREFIX = struct.Struct(">BI")  # before each message: whether it is compressed, and its length


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + struct.pack(">BBI", kind, flags, stream) + payload


def header_block(headers):
    """HPACK (RFC 7541): literal fields without indexing, so that the client needs no table."""
    block = b""
    for name, value in headers:
        block += b"\0" + _hpack_string(name) + _hpack_string(value)
    return block


def _hpack_string(text):
    data = text.encode()
    length = len(data)
    if length < 127:
        return bytes([length]) + data
    encoded, length = bytes([127]), length - 127
    while length > 127:
        encoded, length = encoded + bytes([length & 127 | 128]), length >> 7
    return encoded + bytes([length]) + data


def grpc_headers(path):
    return [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "localhost"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
    ]


def grpc_message(data):
    return GRPC_PREFIX.pack(0, len(data)) + data


@dataclasses.dataclass
class Stream:
    """What a stream's peer has sent."""

    window: int  # how many bytes of data may still be sent
    data: bytes = b""
    headers: int = 0  # how many blocks of headers: gRPC's initial ones and its trailers
    ended: bool = False
    reset: int | None = None  # the error code


class Http2Client:
    """One connection. Frames of the peer are read in `pump` and in what waits; no thread reads in between."""

    def __init__(self, port, source=LOOPBACK, preface=True):
        self.socket = other_address.connect(port, source, BOUND)
        self.streams = {}
        self.window = 65535  # of the connection
        self.closed = False  # by the peer
        self.goaway = None  # the debug data of GOAWAY
        self.settings = {}
        self.pings = 0  # how many of ours were answered
        self._initial_window = 65535
        self._received = b""
        self._next_stream = 1
        if preface:
            self.send_bytes(PREFACE + frame(SETTINGS, 0, 0))
            self.wait_for(lambda: self.settings, "SETTINGS from the server")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    @property
    def refused(self):
        """Whether the peer wants no more of this connection."""
        return self.closed or self.goaway is not None

    def send_bytes(self, data):
        """Returns whether the bytes were sent; if not, the peer has closed the connection."""
        try:
            self.socket.sendall(data)
        except OSError:
            self.closed = True
        return not self.closed

    def open(self, path, flags=END_HEADERS):
        """Begins a call with these flags of its HEADERS frame; returns its stream's number."""
        number, self._next_stream = self._next_stream, self._next_stream + 2
        self.streams[number] = Stream(self._initial_window)
        self.send_bytes(frame(HEADERS, flags, number, header_block(grpc_headers(path))))
        return number

    def reset(self, number, code=CANCEL):
        self.send_bytes(frame(RST_STREAM, 0, number, struct.pack(">I", code)))

    def send_data(self, number, data, end=False, patience=3.0):
        """Sends data as far as flow control allows. If the peer opens no window for `patience` seconds, gives up.
        Returns how many bytes were sent."""
        stream = self.streams[number]
        sent = 0
        last_progress = time.monotonic()
        while sent < len(data) and not self.refused and not stream.ended and stream.reset is None:
            room = min(self.window, stream.window, 16384, len(data) - sent)
            if room <= 0:
                if time.monotonic() - last_progress > patience:
                    break
                self.pump(0.05)
                continue
            last = end and sent + room == len(data)
            self.send_bytes(frame(DATA, END_STREAM if last else 0, number, data[sent : sent + room]))
            sent += room
            stream.window -= room
            self.window -= room
            last_progress = time.monotonic()
            self.pump()
        return sent

    def call(self, path, message, bound=BOUND):
        """Makes a whole unary call, and returns its Stream when it has ended."""
        number = self.open(path)
        self.send_data(number, grpc_message(message), end=True)
        stream = self.streams[number]
        self.wait_for(lambda: stream.ended or stream.reset is not None or self.refused, "the call ends", bound)
        return stream

    def ping(self):
        """Waits until the peer has answered a PING, and so has read everything before it. Returns whether it did."""
        before = self.pings
        self.send_bytes(frame(PING, 0, 0, bytes(8)))
        self.wait_for(lambda: self.pings > before or self.refused, "PING is answered")
        return self.pings > before

    def wait_for(self, condition, what, bound=BOUND):
        deadline = time.monotonic() + bound
        while not condition():
            assert time.monotonic() < deadline, f"not within {bound:g} s: {what}"
            assert not self.closed or condition(), f"the connection is closed: {what}"
            self.pump(0.05)

    def pump(self, wait=0.0):
        """Handles what the peer has sent; waits up to this long for the first of it."""
        while not self.closed:
            readable, _, _ = select.select([self.socket], [], [], wait)
            if not readable:
                return
            wait = 0.0
            try:
                data = self.socket.recv(1 << 16)
            except OSError:
                data = b""
            self.closed = not data
            self._received += data
            self._handle_frames()

    def _handle_frames(self):
        while len(self._received) >= 9:
            length = int.from_bytes(self._received[:3], "big")
            if len(self._received) < 9 + length:
                return
            kind, flags, number = struct.unpack(">BBI", self._received[3:9])
            payload = self._received[9 : 9 + length]
            self._received = self._received[9 + length :]
            self._handle(kind, flags, number & 0x7FFFFFFF, payload)

    def _handle(self, kind, flags, number, payload):
        stream = self.streams.get(number)
        if kind == WINDOW_UPDATE:
            increment = int.from_bytes(payload, "big")
            if number == 0:
                self.window += increment
            elif stream:
                stream.window += increment
        elif kind == SETTINGS and not flags & ACK:
            for offset in range(0, len(payload), 6):
                name, value = struct.unpack_from(">HI", payload, offset)
                self.settings[name] = value
            self._change_windows(self.settings.get(INITIAL_WINDOW_SIZE, self._initial_window))
            self.send_bytes(frame(SETTINGS, ACK, 0))
        elif kind == PING:
            if flags & ACK:
                self.pings += 1
            else:
                self.send_bytes(frame(PING, ACK, 0, payload))
        elif kind == GOAWAY:
            self.goaway = payload[8:]
        elif stream and kind == RST_STREAM:
            stream.reset = int.from_bytes(payload, "big")
        elif stream and kind in (DATA, HEADERS):
            if kind == DATA:
                stream.data += payload
            else:
                stream.headers += 1
            stream.ended |= bool(flags & END_STREAM)

    def _change_windows(self, size):
        for stream in self.streams.values():
            stream.window += size - self._initial_window
        self._initial_window = size
