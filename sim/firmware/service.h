// Services that the thread requests by SVC, as from an operating system.
#pragma once

#include <stdint.h>

// The number in the SVC instruction.
enum Service { kServiceAdd = 1, kServiceMultiply = 2 };

static inline uint32_t Add(uint32_t a, uint32_t b) {
  register uint32_t r0 __asm("r0") = a;
  register uint32_t r1 __asm("r1") = b;
  __asm volatile("svc %[number]" : "+r"(r0) : "r"(r1), [number] "i"(kServiceAdd) : "memory");
  return r0;
}

static inline uint32_t Multiply(uint32_t a, uint32_t b) {
  register uint32_t r0 __asm("r0") = a;
  register uint32_t r1 __asm("r1") = b;
  __asm volatile("svc %[number]" : "+r"(r0) : "r"(r1), [number] "i"(kServiceMultiply) : "memory");
  return r0;
}
