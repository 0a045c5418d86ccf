// Waiting until a moment with microsecond precision, which the latency of a simulated probe needs and an event loop
// cannot provide.
#pragma once

#include <chrono>

namespace probegate::sim {

// Makes the calling thread's sleeps end when they are due, instead of up to the kernel's timer slack (50 µs) later.
void UsePreciseSleep();

// Blocks until `deadline`: sleeps for most of the time and spins at the end. For waits of a few milliseconds at most.
void WaitUntil(std::chrono::steady_clock::time_point deadline);

}  // namespace probegate::sim
