// The Instrumentation Trace Macrocell, whose packets are sent by SWO. These functions do nothing, and do not wait,
// unless a debugger has turned on trace and the port.
#pragma once

#include <stdint.h>

// Assigns P1.00 to SWO. The debugger chooses the rate and the protocol.
void StartItm(void);

// Sends one packet for each byte.
void WriteItmText(unsigned port, const char* text);

// Sends one packet of four bytes.
void WriteItmWord(unsigned port, uint32_t value);
