// SVC: the stacked exception frame holds the arguments and the result, the instruction holds the service's number.
#include "sim/firmware/service.h"

#include "sim/firmware/handlers.h"
#include "sim/firmware/watched.h"

__attribute__((used)) static void Serve(uint32_t* frame) {
  const uint16_t instruction = ((const uint16_t*)frame[6])[-1];
  switch (instruction & 0xFF) {
    case kServiceAdd:
      frame[0] += frame[1];
      break;
    case kServiceMultiply:
      frame[0] *= frame[1];
      break;
    default:
      frame[0] = 0;
      break;
  }
  ++watched.service_calls;
}

// Bit 2 of EXC_RETURN says which stack the frame is on. Serve returns from the exception.
__attribute__((naked)) void SvcHandler(void) {
  __asm volatile(
      "tst lr, #4\n"
      "ite eq\n"
      "mrseq r0, msp\n"
      "mrsne r0, psp\n"
      "b Serve\n");
}
