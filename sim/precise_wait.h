// Waiting for a moment to the microsecond, which a simulated probe's latency wants and an event loop does not give.
#pragma once

#include <chrono>

namespace probegate::sim {

// Lets the calling thread's sleeps end when they are due rather than when it suits the kernel's timer slack (50 µs).
void UsePreciseSleep();

// Blocks until `deadline`: asleep for most of it, spinning at the end. For waits of a few milliseconds at most.
void WaitUntil(std::chrono::steady_clock::time_point deadline);

}  // namespace probegate::sim
