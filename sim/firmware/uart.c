#include "sim/firmware/uart.h"

#include "sim/firmware/handlers.h"
#include "sim/firmware/registers.h"
#include "sim/firmware/watched.h"

enum { kTxPin = 6 };

// Not const, because EasyDMA can read only from RAM (PS v1.1, chapter EasyDMA); it must not change until ENDTX.
static char banner[] = "Probegate test firmware, UARTE0\r\n";

void SendUartBanner(void) {
  // The line idles high. Setting the level before the direction avoids a glitch.
  P0_OUTSET = 1u << kTxPin;
  P0_DIRSET = 1u << kTxPin;
  UARTE0_PSEL_TXD = kTxPin;
  UARTE0_BAUDRATE = UARTE0_BAUDRATE_115200;
  UARTE0_ENABLE = UARTE0_ENABLE_ON;
  UARTE0_INTENSET = UARTE0_INT_ENDTX;
  UARTE0_TXD_PTR = (uint32_t)banner;
  UARTE0_TXD_MAXCNT = sizeof banner - 1;
  DataBarrier();
  UARTE0_TASKS_STARTTX = 1;
}

void Uarte0Handler(void) {
  ClearEvent(&UARTE0_EVENTS_ENDTX);
  watched.uart_bytes += UARTE0_TXD_AMOUNT;
  UARTE0_TASKS_STOPTX = 1;  // otherwise it continues to draw current
}
