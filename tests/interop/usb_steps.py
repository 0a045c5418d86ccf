"""A program that runs on an emulated bus: usb_steps.py SERIAL STEPS. It opens a device with pyusb and the system's
libusb, carries out the steps, which are given as JSON, and prints the result of each step as JSON. An error is the name
that libusb has for it.

As a module, it offers run(), which runs the program on a bus."""

import json
import pathlib
import sys


def run(bus, serial, *steps):
    done = bus.run([sys.executable, pathlib.Path(__file__).resolve(), serial, json.dumps(steps)])
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


LIBUSB_ERRORS = {
    -1: "IO",
    -3: "ACCESS",
    -4: "NO_DEVICE",
    -5: "NOT_FOUND",
    -6: "BUSY",
    -7: "TIMEOUT",
    -8: "OVERFLOW",
    -9: "PIPE",
}


class Device:
    def __init__(self, serial):
        import usb.backend.libusb1
        import usb.core
        import usb.util

        self.usb = usb
        backend = usb.backend.libusb1.get_backend(find_library=lambda _: "libusb-1.0.so.0")
        self.device = usb.core.find(backend=backend, custom_match=lambda d: d.serial_number == serial)
        assert self.device is not None, f"no device {serial}"

    def claim(self, number):
        self.usb.util.claim_interface(self.device, number)

    def release(self, number):
        self.usb.util.release_interface(self.device, number)

    def detach(self, number):
        self.device.detach_kernel_driver(number)

    def attach(self, number):
        self.device.attach_kernel_driver(number)

    def has_driver(self, number):
        return self.device.is_kernel_driver_active(number)

    def out(self, endpoint, data, timeout=5000):
        return self.device.write(endpoint, bytes.fromhex(data), timeout)

    def read(self, endpoint, size, timeout=5000):
        return bytes(self.device.read(endpoint, size, timeout)).hex()

    def control(self, request_type, request, value, index, data_or_size):
        data = bytes.fromhex(data_or_size) if isinstance(data_or_size, str) else data_or_size
        answer = self.device.ctrl_transfer(request_type, request, value, index, data, 5000)
        return answer if isinstance(answer, int) else bytes(answer).hex()

    def clear_halt(self, endpoint):
        self.device.clear_halt(endpoint)

    def hidraws(self):
        return sorted(path.name for path in pathlib.Path("/sys/class/hidraw").glob("hidraw*"))


def main():
    device = Device(sys.argv[1])
    results = []
    for name, *arguments in json.loads(sys.argv[2]):
        try:
            results.append(getattr(device, name)(*arguments))
        except device.usb.core.USBError as error:
            code = error.backend_error_code
            results.append(LIBUSB_ERRORS.get(code, f"libusb error {code}"))
    print(json.dumps(results))


if __name__ == "__main__":
    main()
