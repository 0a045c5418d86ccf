// The probe's end of the wire as the transfer commands use it: register accesses, over either protocol.
#pragma once

#include <cstdint>

namespace probegate::sim {

class WireMaster {
 public:
  virtual ~WireMaster() = default;

  // A command begins, so nothing counts as selected any more. `device` is an index in the JTAG chain. False if the
  // chain has no such device.
  virtual bool Begin(uint8_t device) = 0;

  // Whether the read is posted: it returns the value of the read before it, and its own value comes with the next read
  // or from RDBUFF.
  virtual bool Posts(uint8_t request) const = 0;

  // Makes one transfer; `request` is bits 3:0 of a DAP_Transfer request. Returns the acknowledge as DAP_Transfer
  // reports it. `*data` is the value to write, or receives the value read. `spoiled`: as if there were noise on the
  // wire.
  virtual uint8_t Transfer(uint8_t request, uint32_t* data, bool spoiled) = 0;
};

}  // namespace probegate::sim
