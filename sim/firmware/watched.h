// What this firmware shows to whoever looks at its RAM: `counter`, `watched`, `fault` and `command`, by their symbols.
#pragma once

#include <stdint.h>

// Each member has one writer, named behind it. All start at 0.
struct Watched {
  uint32_t ticks;          // SysTick's handler: one a millisecond
  uint32_t seconds;        // main loop
  uint32_t loops;          // main loop: how often it came round
  uint32_t led_toggles;    // SysTick's handler: two a second
  uint32_t wakeups;        // TIMER0's handler: ten a second
  uint32_t pendsv_runs;    // PendSV's handler: a hundred a second
  uint32_t service_calls;  // SVC's handler: ten a second
  uint32_t service_sum;    // main loop: what the services answered, added up
  uint32_t uart_bytes;     // UARTE0's handler: sent
  uint32_t rtt_bytes_in;   // main loop: received
  float tick_phase;        // SysTick's handler: from 0 to 1 and again, once a second
  float loop_area;         // main loop: grows by a quarter each time, and starts again at 1000
  uint32_t fpu_errors;     // main loop: a float that an interrupt spoiled; stays 0

  // For data watchpoints of each size. The tick's handler writes them: the byte each 10 ms, the half-word each 100 ms,
  // the word each 1000 ms.
  uint32_t word;
  uint16_t half;
  uint8_t byte;
};

extern volatile struct Watched watched;

// Counted up by the main loop, each time it comes round.
extern volatile uint32_t counter;

// The last fault, for those who come later. `count` 0: none since the reset.
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

// A debugger writes one of these here; the main loop takes it and sets it back to 0. The same by RTT: "fault", "bus".
enum Command {
  kCommandNone = 0,
  kCommandFault = 1,  // an undefined instruction
  kCommandBus = 2,    // a load from where nothing is
};

extern volatile uint32_t command;
