#include "base/end_program.h"

#include <unistd.h>

#include <cstdio>

#if defined(__SANITIZE_ADDRESS__)
extern "C" void __lsan_do_leak_check();  // sanitizer/lsan_interface.h
#endif

namespace probegate {

void EndProgram(int code) {
  std::fflush(nullptr);
#if defined(__SANITIZE_ADDRESS__)
  // Otherwise it runs with the destructors.
  __lsan_do_leak_check();
#endif
  ::_exit(code);
}

}  // namespace probegate
