// From reset to main: the vector table, the FPU, initialized data, and a separate stack for the thread.
#include "sim/firmware/handlers.h"
#include "sim/firmware/registers.h"

extern uint32_t data_load, data_start, data_end, bss_start, bss_end, main_stack_top;  // nrf52840.ld

int main(void);

// No interrupt after TIMER0 is ever enabled, so the table ends there.
__attribute__((section(".vectors"), used)) static void (*const vectors[16 + TIMER0_IRQ + 1])(void) = {
    [0] = (void (*)(void))&main_stack_top,
    [1] = ResetHandler,
    [2] = UnexpectedHandler,  // NMI
    [3] = FaultHandler,       // HardFault; the next three faults are not enabled and so become HardFaults too
    [4] = FaultHandler,
    [5] = FaultHandler,
    [6] = FaultHandler,
    [11] = SvcHandler,
    [12] = UnexpectedHandler,  // DebugMonitor
    [14] = PendSvHandler,
    [15] = SysTickHandler,
    [16] = UnexpectedHandler,
    [17] = UnexpectedHandler,
    [16 + UARTE0_IRQ] = Uarte0Handler,
    [19] = UnexpectedHandler,
    [20] = UnexpectedHandler,
    [21] = UnexpectedHandler,
    [22] = UnexpectedHandler,
    [23] = UnexpectedHandler,
    [16 + TIMER0_IRQ] = Timer0Handler,
};

void UnexpectedHandler(void) {
  for (;;) WaitForInterrupt();
}

// Called before C variables have their values. The pointers are volatile so that the compiler does not turn the loops
// into calls of memcpy and memset.
__attribute__((used)) static void PrepareMemory(void) {
  volatile uint32_t* to = &data_start;
  for (const uint32_t* from = &data_load; to < &data_end; ++from, ++to) *to = *from;
  for (to = &bss_start; to < &bss_end; ++to) *to = 0;
}

// If UICR disables access port protection, newer silicon also needs the firmware to disable it, at each start.
__attribute__((used)) static void KeepDebuggable(void) {
  if (UICR_APPROTECT == APPROTECT_OPEN) APPROTECT_DISABLE = APPROTECT_OPEN;
}

// The thread runs on the process stack and handlers on the main stack, as under an operating system. The FPU is enabled
// first, since the compiler may use it anywhere.
__attribute__((naked, noreturn)) void ResetHandler(void) {
  __asm volatile(
      "ldr r0, =%c[cpacr]\n"
      "ldr r1, [r0]\n"
      "orr r1, r1, %[fpu]\n"
      "str r1, [r0]\n"
      "dsb\n"
      "isb\n"
      "bl PrepareMemory\n"
      "bl KeepDebuggable\n"
      "ldr r0, =process_stack_top\n"
      "msr psp, r0\n"
      "movs r0, #2\n"  // CONTROL.SPSEL
      "msr control, r0\n"
      "isb\n"
      "bl main\n"
      "b UnexpectedHandler\n"
      ".ltorg\n" ::[cpacr] "i"(&CPACR),
      [fpu] "i"(CPACR_FPU));
}
