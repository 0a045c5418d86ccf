// The probe's end of the wire, as the transfer commands use it: register accesses, whatever protocol carries them.
#pragma once

#include <cstdint>

namespace probegate::sim {

class WireMaster {
 public:
  virtual ~WireMaster() = default;

  // A command begins: nothing is taken for selected any more. `device` is the place in a JTAG chain. False where there
  // is none.
  virtual bool Begin(uint8_t device) = 0;

  // Whether what a read brings is what was read before it, its own value coming with the next or with RDBUFF.
  virtual bool Posts(uint8_t request) const = 0;

  // One transfer; `request` as in DAP_Transfer, bits 3:0. Returns the acknowledge as DAP_Transfer reports it. `*data`
  // is sent, or gets what was read. `spoiled`: as if noise had been on the wire.
  virtual uint8_t Transfer(uint8_t request, uint32_t* data, bool spoiled) = 0;
};

}  // namespace probegate::sim
