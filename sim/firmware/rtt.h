// SEGGER's Real Time Transfer: a control block in RAM that a debugger finds, with one ring buffer each way.
//
// From the thread only. Neither function waits.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// Makes the control block; a debugger that looked for it before finds nothing.
void StartRtt(void);

// Writes all of `text`, or, where it does not fit, nothing: a debugger that does not read holds nobody up.
bool WriteRtt(const char* text, size_t length);

// Takes up to `size` bytes that the debugger has written. Returns how many.
size_t ReadRtt(char* buffer, size_t size);
