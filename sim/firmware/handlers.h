// The handlers that the vector table points to.
#pragma once

void ResetHandler(void);       // startup.c
void UnexpectedHandler(void);  // startup.c: sleeps forever
void FaultHandler(void);       // fault.c
void SvcHandler(void);         // service.c
void PendSvHandler(void);      // tick.c
void SysTickHandler(void);     // tick.c
void Timer0Handler(void);      // tick.c
void Uarte0Handler(void);      // uart.c
