// The check that a program still serves gRPC.
#pragma once

#include "base/endpoint.h"
#include "base/self_connection.h"
#include "telemetry/self_check.h"

namespace probegate {

// Connects to the program's listener at `listening`, as a client does, and makes a call. `expect` is that of
// SelfConnector. Blocks while a name is looked up.
SelfCheck::Check GrpcCheck(const Endpoint& listening, SelfConnector::Expect expect);

}  // namespace probegate
