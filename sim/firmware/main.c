// A small program that exercises each feature of a debugger: the main loop, and the commands that it takes by RTT or
// through the variable `command`. watched.h describes the variables that it changes.
#include <stdbool.h>
#include <stddef.h>

#include "sim/firmware/itm.h"
#include "sim/firmware/registers.h"
#include "sim/firmware/rtt.h"
#include "sim/firmware/service.h"
#include "sim/firmware/tick.h"
#include "sim/firmware/uart.h"
#include "sim/firmware/watched.h"

volatile uint32_t counter;
volatile uint32_t command;

static const char kRttBanner[] = "Probegate test firmware: echoes what you type; \"fault\" and \"bus\" make it fault\n";
static const char kPrefix[] = "> ";

enum { kTextPort = 0, kEventPort = 1, kMaxLine = 64 };

// Global, so that a breakpoint can be set on it by name.
__attribute__((noinline)) void ObeyCommand(uint32_t what) {
  if (what == kCommandFault) __asm volatile("udf #0");
  if (what == kCommandBus) (void)REGISTER(0x60000000);  // the region for external RAM, which this chip does not have
}

static bool IsText(const char* line, size_t length, const char* text) {
  size_t i = 0;
  while (i < length && text[i] != '\0' && line[i] == text[i]) ++i;
  return i == length && text[i] == '\0';
}

static void TakeLine(const char* line, size_t length) {
  char echo[sizeof kPrefix - 1 + kMaxLine + 1];
  size_t size = 0;
  for (const char* c = kPrefix; *c != '\0'; ++c) echo[size++] = *c;
  for (size_t i = 0; i < length; ++i) echo[size++] = line[i];
  echo[size++] = '\n';
  WriteRtt(echo, size);
  if (IsText(line, length, "fault")) ObeyCommand(kCommandFault);
  if (IsText(line, length, "bus")) ObeyCommand(kCommandBus);
}

// A line ends with CR or LF, or when the buffer is full. Empty lines, such as between CR and LF, are ignored.
static void PollRtt(void) {
  static char line[kMaxLine];
  static size_t length;
  char c;
  while (ReadRtt(&c, 1) == 1) {
    ++watched.rtt_bytes_in;
    const bool ends = c == '\r' || c == '\n';
    if (!ends) line[length++] = c;
    if ((ends && length > 0) || length == kMaxLine) {
      TakeLine(line, length);
      length = 0;
    }
  }
}

static void PollMailbox(void) {
  const uint32_t what = command;
  if (what == kCommandNone) return;
  command = kCommandNone;
  ObeyCommand(what);
}

// Computes the same sum twice. If the tick's handler runs in between, the results must still be equal.
static void ExerciseFpu(void) {
  const float before = watched.loop_area;
  const float once = before + 0.5f * 0.5f;
  const float again = watched.loop_area + 0.25f;
  if (once != again) ++watched.fpu_errors;
  watched.loop_area = once < 1000.0f ? once : 0.0f;
}

static void SpeakByItm(uint32_t number) {
  char digits[11];
  char* first = digits + sizeof digits - 1;
  *first = '\0';
  for (uint32_t rest = number; rest > 0 || *first == '\0'; rest /= 10) *--first = (char)('0' + rest % 10);
  WriteItmText(kTextPort, "second ");
  WriteItmText(kTextPort, first);
  WriteItmText(kTextPort, "\n");
  WriteItmWord(kEventPort, number);
}

int main(void) {
  StartRtt();
  WriteRtt(kRttBanner, sizeof kRttBanner - 1);
  StartItm();
  StartTicking();
  SendUartBanner();
  uint32_t next_service = 100;
  uint32_t next_second = 1000;
  for (;;) {
    ++watched.loops;
    ++counter;
    ExerciseFpu();
    PollMailbox();
    PollRtt();
    // The difference is compared, so that this also works when the ticks wrap after seven weeks.
    if ((int32_t)(watched.ticks - next_service) >= 0) {
      next_service += 100;
      watched.service_sum = Add(watched.service_sum, Multiply(watched.seconds, 3));
    }
    if ((int32_t)(watched.ticks - next_second) >= 0) {
      next_second += 1000;
      SpeakByItm(++watched.seconds);
    }
    // Anything that arrives between polling and sleeping waits for the next tick.
    WaitForInterrupt();
  }
}
