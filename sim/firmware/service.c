// SVC: arguments and answer travel in the frame that exception entry has stacked, the number in the instruction.
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

// EXC_RETURN bit 2 says which stack the frame is on; Serve returns from the exception.
__attribute__((naked)) void SvcHandler(void) {
  __asm volatile(
      "tst lr, #4\n"
      "ite eq\n"
      "mrseq r0, msp\n"
      "mrsne r0, psp\n"
      "b Serve\n");
}
