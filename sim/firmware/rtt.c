#include "sim/firmware/rtt.h"

#include <stdint.h>

#include "sim/firmware/registers.h"

// One direction. Whoever fills it owns `write`, whoever empties it owns `read`; equal, it is empty.
struct Ring {
  const char* name;
  char* buffer;
  uint32_t size;
  uint32_t write;
  uint32_t read;
  uint32_t flags;  // 0: what does not fit is left out
};

struct ControlBlock {
  char id[16];
  int32_t up_count;
  int32_t down_count;
  struct Ring up[1];    // to the debugger
  struct Ring down[1];  // from it
};

// The name under which tools look for it in an ELF file.
volatile struct ControlBlock _SEGGER_RTT;

static char up_buffer[1024];
static char down_buffer[64];

void StartRtt(void) {
  volatile struct ControlBlock* block = &_SEGGER_RTT;
  block->up_count = 1;
  block->down_count = 1;
  block->up[0] = (struct Ring){.name = "Terminal", .buffer = up_buffer, .size = sizeof up_buffer};
  block->down[0] = (struct Ring){.name = "Terminal", .buffer = down_buffer, .size = sizeof down_buffer};
  // The id tells a debugger that all else is in place: so it comes last. It is kept backwards, lest a search of the
  // whole memory finds it here.
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
