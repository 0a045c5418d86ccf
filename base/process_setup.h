// What a program that serves many clients does first.
#pragma once

namespace probegate {

// Chooses how memory is allocated and locks are checked in this process. To be called once, at the beginning of main.
void SetUpProcess();

}  // namespace probegate
