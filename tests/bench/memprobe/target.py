"""A target that has only what pyOCD uses: SW-DP, one AHB-AP, memory, and the identification of a Cortex-M4F.

It has the same ROM table as probegate-sim, so pyOCD makes the same accesses when it attaches to either of them.
"""

DPIDR, AP_IDR, AP_BASE = 0x2BA01477, 0x24770011, 0xE00FF003
RAM_BASE, RAM_SIZE = 0x20000000, 256 << 10
PPB_BASE, PPB_END = 0xE0000000, 0xE0100000
STICKYERR = 1 << 5
DEBUG_POWER = 1 << 28
DHCSR, DHCSR_KEY = 0xE000EDF0, 0xA05F

# Component: base, CIDR1, PIDR0 to PIDR4.
COMPONENTS = [
    (0xE00FF000, 0x10, (0x08, 0x40, 0x0C, 0x00, 0x02)),
    (0xE000E000, 0xE0, (0x0C, 0xB0, 0x0B, 0x00, 0x04)),
    (0xE0001000, 0xE0, (0x02, 0xB0, 0x3B, 0x00, 0x04)),
    (0xE0002000, 0xE0, (0x03, 0xB0, 0x2B, 0x00, 0x04)),
    (0xE0000000, 0xE0, (0x01, 0xB0, 0x3B, 0x00, 0x04)),
    (0xE0040000, 0x90, (0xA1, 0xB9, 0x0B, 0x00, 0x04)),
    (0xE0041000, 0x90, (0x25, 0xB9, 0x0B, 0x00, 0x04)),
]
ROM_TABLE = [0xFFF0F003, 0xFFF02003, 0xFFF03003, 0xFFF01003, 0xFFF41003, 0xFFF42003]
REGISTERS = {
    0xE000ED00: 0x410FC241,  # CPUID
    0xE000ED6C: 0x01111130,  # ISAR3
    0xE000ED90: 0x00000800,  # MPU_TYPE
    0xE000EF40: 0x10110021,  # MVFR0
    0xE000EF44: 0x11000011,  # MVFR1
    0xE000E004: 0x00000001,  # ICTR
    0xE0002000: 0x00000260,  # FP_CTRL
    0xE0001000: 0x40000000,  # DWT_CTRL
    0xE0040FC8: 0x00000CA1,  # TPIU DEVID
    0xE0040FCC: 0x00000011,  # TPIU DEVTYPE
    0xE0041FCC: 0x00000013,  # ETM DEVTYPE
}


class Fault(Exception):
    """The bus answered with an error."""


def _private_peripherals():
    registers = dict(REGISTERS)
    for base, cidr1, pidr in COMPONENTS:
        registers.update({base + 0xFD0: pidr[4]} | {base + 0xFE0 + 4 * i: pidr[i] for i in range(4)})
        registers.update({base + 0xFF0 + 4 * i: value for i, value in enumerate((0x0D, cidr1, 0x05, 0xB1))})
    registers.update({0xE00FF000 + 4 * i: entry for i, entry in enumerate(ROM_TABLE)})
    return registers


class Target:
    def __init__(self):
        self.ram = bytearray(RAM_SIZE)
        self.registers = _private_peripherals()
        self.select = self.control = self.sticky = self.read_buffer = self.tar = 0
        self.csw = 0x23000042

    def read_dp(self, address):
        if address == 0x0:
            return DPIDR
        if address == 0x4:
            return self.control | (self.control & 0x54000000) << 1 | self.sticky
        return self.read_buffer

    def write_dp(self, address, value):
        if address == 0x0:
            self.sticky = 0
        elif address == 0x4:
            self.control = value & 0x54000F00
        elif address == 0x8:
            self.select = value

    def read_ap(self, address):
        self.read_buffer = self._read_ap(self._register(address))
        return self.read_buffer

    def _register(self, address):
        """The register's address combined with APSEL and APBANKSEL; raises Fault if the DP would answer FAULT."""
        if self.sticky or not self.control & DEBUG_POWER:
            self.sticky = STICKYERR
            raise Fault
        return self.select & 0xFF0000F0 | address & 0xC

    def _read_ap(self, register):
        if register == 0x0C:
            return self._access()
        return {0x00: self.csw, 0x04: self.tar, 0xF8: AP_BASE, 0xFC: AP_IDR}.get(register, 0)

    def write_ap(self, address, value):
        register = self._register(address)
        if register == 0x00:
            self.csw = value | 0x40
        elif register == 0x04:
            self.tar = value
        elif register == 0x0C:
            self._access(value)

    def _access(self, value=None):
        """Makes one access at TAR, with the size in CSW, in the address's byte lanes."""
        width, lane = 1 << (self.csw & 3), 8 * (self.tar & 3)
        try:
            if value is None:
                result = self._read(self.tar, width) << lane
            else:
                result = self._write(self.tar, width, value >> lane)
        except Fault:
            self.sticky = STICKYERR
            raise
        if self.csw & 0x30:
            self.tar = self.tar & ~0xFFF | (self.tar + width) & 0xFFF
        return result

    def _read(self, address, width):
        offset = address - RAM_BASE
        if 0 <= offset < RAM_SIZE:
            return int.from_bytes(self.ram[offset : offset + width], "little")
        if address == DHCSR:
            control = self.registers.get(DHCSR, 0)
            return 1 << 24 | 1 << 16 | control | (control & 2) << 16
        if PPB_BASE <= address < PPB_END or address < 1 << 20:
            return self.registers.get(address, 0)
        raise Fault

    def _write(self, address, width, value):
        offset = address - RAM_BASE
        if 0 <= offset < RAM_SIZE:
            self.ram[offset : offset + width] = (value & (1 << 8 * width) - 1).to_bytes(width, "little")
        elif address == DHCSR:
            if value >> 16 == DHCSR_KEY:
                self.registers[DHCSR] = value & 0xF
        elif PPB_BASE <= address < PPB_END:
            if address < 0xE0040000 and address not in REGISTERS:
                self.registers[address] = value
        else:
            raise Fault

    def read_ap_multiple(self, address, count):
        """Reads words of RAM at once if possible, so that the model's own time does not affect the measurement."""
        register = self._register(address)
        offset = self.tar - RAM_BASE
        if register == 0x0C and self.csw & 0x37 == 0x12 and self._within_page(offset, 4 * count):
            data = memoryview(self.ram)[offset : offset + 4 * count].cast("I").tolist()
            self.tar = self.tar & ~0xFFF | (self.tar + 4 * count) & 0xFFF
            return data
        return [self.read_ap(address) for _ in range(count)]

    def write_ap_multiple(self, address, values):
        register = self._register(address)
        offset, size = self.tar - RAM_BASE, 4 * len(values)
        if register == 0x0C and self.csw & 0x37 == 0x12 and self._within_page(offset, size):
            self.ram[offset : offset + size] = b"".join(value.to_bytes(4, "little") for value in values)
            self.tar = self.tar & ~0xFFF | (self.tar + size) & 0xFFF
        else:
            for value in values:
                self.write_ap(address, value)

    @staticmethod
    def _within_page(offset, size):
        return 0 <= offset < RAM_SIZE and offset % 4 == 0 and (offset & 0xFFF) + size <= 0x1000
