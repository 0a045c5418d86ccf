"""A pyOCD probe with an in-memory target, and a configurable time for each transfer."""

import collections
import statistics
import threading
import time

from pyocd.core import exceptions
from pyocd.probe.debug_probe import DebugProbe
from target import Fault, Target

UNIQUE_ID = "MEMPROBE"


class MemProbe(DebugProbe):
    # The minimum duration of a transfer, in seconds; set by the program that registers the class.
    latency = 0.0

    @classmethod
    def get_all_connected_probes(cls, unique_id=None, is_explicit=False):
        return [cls()]

    @classmethod
    def get_probe_with_id(cls, unique_id, is_explicit=False):
        return cls() if unique_id == UNIQUE_ID else None

    def __init__(self):
        super().__init__()
        self._target = Target()
        self._wire = threading.Lock()  # one transfer at a time, as on a USB pipe
        self._times = collections.deque(maxlen=200)
        self._protocol = None
        self._is_open = False

    def _transfer(self, operation, *arguments):
        start = time.perf_counter()
        if self.latency:
            with self._wire:
                waited = time.perf_counter()
                time.sleep(self.latency)
                self._times.append(time.perf_counter() - waited)
        try:
            result = operation(*arguments)
        except Fault:
            raise exceptions.TransferFaultError("memprobe: bus fault") from None
        if not self.latency:
            self._times.append(time.perf_counter() - start)
        return result

    @property
    def transfer_p50_us(self):
        """The median time of the latest transfers. Clients read it with `readprop`: pyOCD's server
        returns any attribute."""
        return 1e6 * statistics.median(self._times) if self._times else 0.0

    vendor_name = "memprobe"
    product_name = "in memory"
    unique_id = UNIQUE_ID
    supported_wire_protocols = [DebugProbe.Protocol.DEFAULT, DebugProbe.Protocol.SWD]
    capabilities = {
        DebugProbe.Capability.SWJ_SEQUENCE,
        DebugProbe.Capability.BANKED_DP_REGISTERS,
        DebugProbe.Capability.APv2_ADDRESSES,
    }

    @property
    def wire_protocol(self):
        return self._protocol

    @property
    def is_open(self):
        return self._is_open

    def open(self):
        self._is_open = True

    def close(self):
        self._is_open = False

    def connect(self, protocol=None):
        self._protocol = self.Protocol.SWD

    def disconnect(self):
        self._protocol = None

    def set_clock(self, frequency):
        pass

    def flush(self):
        pass

    def reset(self):
        pass

    def assert_reset(self, asserted):
        pass

    def is_reset_asserted(self):
        return False

    def swj_sequence(self, length, bits):
        self._transfer(int)

    def read_dp(self, addr, now=True):
        return self._answer(now, self._transfer(self._target.read_dp, addr))

    def write_dp(self, addr, data):
        self._transfer(self._target.write_dp, addr, data)

    def read_ap(self, addr, now=True):
        return self._answer(now, self._transfer(self._target.read_ap, addr))

    def write_ap(self, addr, data):
        self._transfer(self._target.write_ap, addr, data)

    def read_ap_multiple(self, addr, count=1, now=True):
        return self._answer(now, self._transfer(self._target.read_ap_multiple, addr, count))

    def write_ap_multiple(self, addr, values):
        self._transfer(self._target.write_ap_multiple, addr, values)

    @staticmethod
    def _answer(now, value):
        return value if now else lambda: value

    def get_memory_interface_for_ap(self, ap_address):
        return None
