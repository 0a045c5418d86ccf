// What is known of a fault is kept in `fault`, and the core stays in the handler, asleep, for a debugger to find.
#include "sim/firmware/handlers.h"
#include "sim/firmware/registers.h"
#include "sim/firmware/watched.h"

volatile struct Fault fault;

// `frame`: r0-r3, r12, lr, pc, xPSR, as exception entry stacked them (ARMv7-M ARM §B1.5.6).
__attribute__((used)) static void RecordFault(const uint32_t* frame) {
  fault.cfsr = CFSR;
  fault.hfsr = HFSR;
  fault.bfar = BFAR;
  fault.lr = frame[5];
  fault.pc = frame[6];
  fault.xpsr = frame[7];
  ++fault.count;
  for (;;) WaitForInterrupt();
}

// EXC_RETURN bit 2 says which stack the frame is on. Called, not branched to, and with lr kept on the stack: so a
// backtrace finds its way through.
__attribute__((naked)) void FaultHandler(void) {
  __asm volatile(
      "tst lr, #4\n"
      "ite eq\n"
      "mrseq r0, msp\n"
      "mrsne r0, psp\n"
      "push {r4, lr}\n"
      ".cfi_def_cfa_offset 8\n"
      ".cfi_offset 14, -4\n"
      "bl RecordFault\n"
      "b UnexpectedHandler\n");
}
