// SysTick blinks the LED (P0.13, lit while low, like LED1 of the nRF52840 DK), adds to a float and pends PendSV.
//
// The nRF52840 stops SysTick while the core sleeps, unless a debugger keeps its clock running (PS v1.1, chapter CPU).
// Without a debugger the board would sleep forever, so TIMER0, which keeps counting, wakes it ten times a second;
// `ticks` counts only the time for which the core is awake.
#include "sim/firmware/tick.h"

#include <stdbool.h>

#include "sim/firmware/handlers.h"
#include "sim/firmware/registers.h"
#include "sim/firmware/watched.h"

enum {
  kCoreClockHz = 64000000,
  kTickHz = 1000,
  kTicksPerToggle = 500,
  kTimerPrescaler = 9,  // 16 MHz / 2^9
  kTimerPeriod = 3125,  // of 31250 Hz
  kLedMask = 1 << 13,
  // There are three bits of priority, and the lowest number comes first: SVC, the peripherals, SysTick, and last
  // PendSV.
  kSvcPriority = 0x40,
  kPeripheralPriority = 0x60,
  kSysTickPriority = 0x80,
  kPendSvPriority = 0xE0,
};

volatile struct Watched watched;

void StartTicking(void) {
  P0_OUTSET = kLedMask;
  P0_DIRSET = kLedMask;

  SHPR2 = (uint32_t)kSvcPriority << 24;
  SHPR3 = (uint32_t)kSysTickPriority << 24 | (uint32_t)kPendSvPriority << 16;
  NVIC_IPR(UARTE0_IRQ) = kPeripheralPriority;
  NVIC_IPR(TIMER0_IRQ) = kPeripheralPriority;
  NVIC_ISER0 = 1u << UARTE0_IRQ | 1u << TIMER0_IRQ;

  TIMER0_BITMODE = TIMER0_BITMODE_32;
  TIMER0_PRESCALER = kTimerPrescaler;
  TIMER0_CC0 = kTimerPeriod;
  TIMER0_SHORTS = TIMER0_SHORTS_COMPARE0_CLEAR;
  TIMER0_INTENSET = TIMER0_INT_COMPARE0;
  TIMER0_TASKS_START = 1;

  SYST_RVR = kCoreClockHz / kTickHz - 1;
  SYST_CVR = 0;
  SYST_CSR = 7;
}

static void ToggleLed(void) {
  const bool lit = watched.led_toggles++ % 2 == 0;
  if (lit) {
    P0_OUTCLR = kLedMask;
  } else {
    P0_OUTSET = kLedMask;
  }
}

void SysTickHandler(void) {
  const uint32_t ticks = ++watched.ticks;
  // Uses the FPU in a handler: exception entry has to preserve the thread's registers.
  const float phase = watched.tick_phase + 1.0f / kTickHz;
  watched.tick_phase = phase < 1.0f ? phase : phase - 1.0f;
  if (ticks % kTicksPerToggle == 0) ToggleLed();
  if (ticks % 10 == 0) {
    ++watched.byte;
    ICSR = ICSR_PENDSVSET;
  }
  if (ticks % 100 == 0) ++watched.half;
  if (ticks % 1000 == 0) ++watched.word;
}

void PendSvHandler(void) { ++watched.pendsv_runs; }

void Timer0Handler(void) {
  ClearEvent(&TIMER0_EVENTS_COMPARE0);
  ++watched.wakeups;
}
