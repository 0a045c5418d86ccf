// How main ends a program that has used gRPC.
#pragma once

namespace probegate {

// Ends the program with exit code `code` when everything that main started has ended and is written, without destroying
// static objects. Some of gRPC's threads, such as that of its timers, live as long as the program, and would crash if
// they ran while the static objects of the libraries are being destroyed. Threads: the main thread.
[[noreturn]] void EndProgram(int code);

}  // namespace probegate
