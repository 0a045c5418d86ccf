// The registers that this firmware uses, and a few instructions of the core that C cannot express.
//
// Core: ARMv7-M Architecture Reference Manual (DDI 0403E) part B and appendix C1. Peripherals: nRF52840 Product
// Specification v1.1, the chapter of that name.
#pragma once

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t*)(address))

// SysTick (§B3.3) and the System Control Space (§B3.2).
#define SYST_CSR REGISTER(0xE000E010)  // bit 0 on, bit 1 interrupt, bit 2 counts at the core's clock
#define SYST_RVR REGISTER(0xE000E014)
#define SYST_CVR REGISTER(0xE000E018)
#define NVIC_ISER0 REGISTER(0xE000E100)
#define NVIC_IPR(number) (*(volatile uint8_t*)(0xE000E400 + (number)))
#define ICSR REGISTER(0xE000ED04)
#define ICSR_PENDSVSET (1u << 28)
#define SHPR2 REGISTER(0xE000ED1C)  // SVC in the top byte
#define SHPR3 REGISTER(0xE000ED20)  // PendSV in the third byte, SysTick in the top one
#define CFSR REGISTER(0xE000ED28)
#define HFSR REGISTER(0xE000ED2C)
#define BFAR REGISTER(0xE000ED38)
#define CPACR REGISTER(0xE000ED88)
#define CPACR_FPU (0xFu << 20)  // CP10 and CP11, full access

// Debug and trace (§C1.6.5, §C1.7).
#define DEMCR REGISTER(0xE000EDFC)
#define DEMCR_TRCENA (1u << 24)
#define ITM_STIM(port) REGISTER(0xE0000000 + 4 * (port))  // reads 1 if it can accept a write
#define ITM_STIM8(port) (*(volatile uint8_t*)(0xE0000000 + 4 * (port)))
#define ITM_TER REGISTER(0xE0000E00)  // one bit for each port
#define ITM_TCR REGISTER(0xE0000E80)
#define ITM_TCR_ITMENA 1u

// CLOCK, which selects the trace pins, and the software part of access port protection.
#define CLOCK_TRACECONFIG REGISTER(0x4000055C)
#define CLOCK_TRACECONFIG_SWO (1u << 16)  // TRACEMUX = Serial; TRACEPORTSPEED 0 is 32 MHz
#define APPROTECT_DISABLE REGISTER(0x40000558)
#define UICR_APPROTECT REGISTER(0x10001208)
#define APPROTECT_OPEN 0x5Au

// GPIO.
#define P0_OUTSET REGISTER(0x50000508)
#define P0_OUTCLR REGISTER(0x5000050C)
#define P0_DIRSET REGISTER(0x50000518)
#define P1_PIN_CNF(pin) REGISTER(0x50000A00 + 4 * (pin))
#define PIN_CNF_FAST_OUTPUT 0x303u  // output, input buffer off, high drive both ways

// UARTE0.
#define UARTE0_TASKS_STARTTX REGISTER(0x40002008)
#define UARTE0_TASKS_STOPTX REGISTER(0x4000200C)
#define UARTE0_EVENTS_ENDTX REGISTER(0x40002120)
#define UARTE0_INTENSET REGISTER(0x40002304)
#define UARTE0_INT_ENDTX (1u << 8)
#define UARTE0_ENABLE REGISTER(0x40002500)
#define UARTE0_ENABLE_ON 8u
#define UARTE0_PSEL_TXD REGISTER(0x4000250C)
#define UARTE0_BAUDRATE REGISTER(0x40002524)
#define UARTE0_BAUDRATE_115200 0x01D60000u
#define UARTE0_TXD_PTR REGISTER(0x40002544)
#define UARTE0_TXD_MAXCNT REGISTER(0x40002548)
#define UARTE0_TXD_AMOUNT REGISTER(0x4000254C)
#define UARTE0_IRQ 2u

// TIMER0.
#define TIMER0_TASKS_START REGISTER(0x40008000)
#define TIMER0_EVENTS_COMPARE0 REGISTER(0x40008140)
#define TIMER0_SHORTS REGISTER(0x40008200)
#define TIMER0_SHORTS_COMPARE0_CLEAR 1u
#define TIMER0_INTENSET REGISTER(0x40008304)
#define TIMER0_INT_COMPARE0 (1u << 16)
#define TIMER0_BITMODE REGISTER(0x40008508)
#define TIMER0_BITMODE_32 3u
#define TIMER0_PRESCALER REGISTER(0x40008510)
#define TIMER0_CC0 REGISTER(0x40008540)
#define TIMER0_IRQ 8u

static inline void WaitForInterrupt(void) { __asm volatile("dsb\n wfi" ::: "memory"); }
static inline void DataBarrier(void) { __asm volatile("dmb" ::: "memory"); }

// A write to an event register goes through a write buffer, and an interrupt handler that returned before the write
// arrives would be entered again. Reading the register back waits for the write (PS v1.1, "Interrupt clearing").
static inline void ClearEvent(volatile uint32_t* event) {
  *event = 0;
  (void)*event;
}
