// The Instrumentation Trace Macrocell, whose packets leave by SWO. Nothing is written, and nobody waits, unless a
// debugger has turned trace and the port on.
#pragma once

#include <stdint.h>

// Gives P1.00 to SWO. The rate and the protocol are the debugger's to choose.
void StartItm(void);

// A byte a packet.
void WriteItmText(unsigned port, const char* text);

// One packet of four bytes.
void WriteItmWord(unsigned port, uint32_t value);
