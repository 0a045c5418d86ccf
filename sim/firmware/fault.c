// Records what is known about a fault in `fault`, and then sleeps in the handler, where a debugger finds the core.
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

// Bit 2 of EXC_RETURN says which stack the frame is on. RecordFault is called, not branched to, and lr is saved on the
// stack, so that a debugger can show a backtrace.
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
