// UARTE0 on P0.06 (the nRF52840 DK's virtual COM port), 115200 baud, transmit only.
#pragma once

// Sends a greeting and returns immediately: the peripheral reads it from RAM by itself, and interrupts when it is done.
void SendUartBanner(void);
