// Time: SysTick at 1 kHz, which blinks the LED, and TIMER0 at 10 Hz, which wakes the core.
#pragma once

// Sets up the LED's pin, both timers and the priorities of all exceptions.
void StartTicking(void);
