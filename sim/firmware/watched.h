// The variables of this firmware that a debugger can watch or change in RAM: `counter`, `watched`, `fault` and
// `command`.
#pragma once

#include <stdint.h>

// Each member has one writer, which its comment names. All start at 0.
struct Watched {
  uint32_t ticks;          // SysTick's handler: once a millisecond
  uint32_t seconds;        // main loop
  uint32_t loops;          // main loop: number of iterations
  uint32_t led_toggles;    // SysTick's handler: twice a second
  uint32_t wakeups;        // TIMER0's handler: ten times a second
  uint32_t pendsv_runs;    // PendSV's handler: a hundred times a second
  uint32_t service_calls;  // SVC's handler: ten times a second
  uint32_t service_sum;    // main loop: the sum of the services' results
  uint32_t uart_bytes;     // UARTE0's handler: number of bytes sent
  uint32_t rtt_bytes_in;   // main loop: number of bytes received
  float tick_phase;        // SysTick's handler: rises from 0 to 1 each second, and starts again
  float loop_area;         // main loop: grows by a quarter each time, and starts again at 1000
  uint32_t fpu_errors;     // main loop: number of floats that an interrupt has corrupted; stays 0

  // For data watchpoints of each size. SysTick's handler writes the byte every 10 ms, the halfword every 100 ms and the
  // word every 1000 ms.
  uint32_t word;
  uint16_t half;
  uint8_t byte;
};

extern volatile struct Watched watched;

// Incremented by each iteration of the main loop.
extern volatile uint32_t counter;

// The last fault. `count` is 0 if there has been none since the reset.
struct Fault {
  uint32_t count;
  uint32_t cfsr;
  uint32_t hfsr;
  uint32_t bfar;
  uint32_t pc;
  uint32_t lr;
  uint32_t xpsr;
};

extern volatile struct Fault fault;

// A debugger writes one of these to `command`; the main loop executes it and sets `command` back to 0. The lines
// "fault" and "bus" by RTT do the same.
enum Command {
  kCommandNone = 0,
  kCommandFault = 1,  // an undefined instruction
  kCommandBus = 2,    // a load from an unmapped address
};

extern volatile uint32_t command;
