#include "sim/firmware/rtt.h"

#include <stdint.h>

#include "sim/firmware/registers.h"

// One direction. The sender owns `write` and the receiver owns `read`; if they are equal, the buffer is empty.
struct Ring {
  const char* name;
  char* buffer;
  uint32_t size;
  uint32_t write;
  uint32_t read;
  uint32_t flags;  // 0: text that does not fit is dropped
};

struct ControlBlock {
  char id[16];
  int32_t up_count;
  int32_t down_count;
  struct Ring up[1];    // to the debugger
  struct Ring down[1];  // from the debugger
};

// The symbol that tools look for in an ELF file.
volatile struct ControlBlock _SEGGER_RTT;

static char up_buffer[1024];
static char down_buffer[64];

void StartRtt(void) {
  volatile struct ControlBlock* block = &_SEGGER_RTT;
  block->up_count = 1;
  block->down_count = 1;
  block->up[0] = (struct Ring){.name = "Terminal", .buffer = up_buffer, .size = sizeof up_buffer};
  block->down[0] = (struct Ring){.name = "Terminal", .buffer = down_buffer, .size = sizeof down_buffer};
  // The id tells a debugger that everything else is in place, so it is written last. It is stored backwards in flash,
  // so that a debugger that searches all memory does not find it there.
  static const char backwards[] = "TTR REGGES";
  DataBarrier();
  for (unsigned i = 0; i < sizeof backwards - 1; ++i) block->id[i] = backwards[sizeof backwards - 2 - i];
  DataBarrier();
}

bool WriteRtt(const char* text, size_t length) {
  volatile struct Ring* ring = &_SEGGER_RTT.up[0];
  uint32_t write = ring->write;
  const uint32_t used = (write + ring->size - ring->read) % ring->size;
  if (length > ring->size - 1 - used) return false;  // a full ring would look empty
  for (size_t i = 0; i < length; ++i) {
    ring->buffer[write] = text[i];
    write = (write + 1) % ring->size;
  }
  DataBarrier();
  ring->write = write;
  return true;
}

size_t ReadRtt(char* buffer, size_t size) {
  volatile struct Ring* ring = &_SEGGER_RTT.down[0];
  uint32_t read = ring->read;
  size_t count = 0;
  while (count < size && read != ring->write) {
    buffer[count++] = ring->buffer[read];
    read = (read + 1) % ring->size;
  }
  DataBarrier();
  ring->read = read;
  return count;
}
