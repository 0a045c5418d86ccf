// SEGGER's Real Time Transfer: a control block in RAM that a debugger finds, with one ring buffer each way.
//
// To be used from the thread only. None of the functions waits.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// Initializes the control block; a debugger cannot find it earlier.
void StartRtt(void);

// Writes all of `text`, or nothing if it does not fit, so that the program does not depend on a debugger to read it.
// Returns whether it was written.
bool WriteRtt(const char* text, size_t length);

// Takes up to `size` bytes that the debugger has written. Returns their number.
size_t ReadRtt(char* buffer, size_t size);
