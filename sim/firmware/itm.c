#include "sim/firmware/itm.h"

#include <stdbool.h>

#include "sim/firmware/registers.h"

enum {
  kSwoPin = 0,
  kMaxPolls = 10000,  // if a port stays full for longer, nobody reads the trace: the packet is dropped
};

void StartItm(void) {
  P1_PIN_CNF(kSwoPin) = PIN_CNF_FAST_OUTPUT;
  CLOCK_TRACECONFIG = CLOCK_TRACECONFIG_SWO;
}

// The ITM's registers may be read only while trace is on.
static bool IsOn(unsigned port) {
  return (DEMCR & DEMCR_TRCENA) && (ITM_TCR & ITM_TCR_ITMENA) && (ITM_TER & (1u << port));
}

static bool IsReady(unsigned port) {
  for (int i = 0; i < kMaxPolls; ++i) {
    if (ITM_STIM(port) & 1) return true;
  }
  return false;
}

void WriteItmText(unsigned port, const char* text) {
  if (!IsOn(port)) return;
  for (; *text != '\0' && IsReady(port); ++text) ITM_STIM8(port) = (uint8_t)*text;
}

void WriteItmWord(unsigned port, uint32_t value) {
  if (IsOn(port) && IsReady(port)) ITM_STIM(port) = value;
}
