// What a program needs to call servers over gRPC, from the files that its options name.
#pragma once

#include "absl/status/statusor.h"
#include "base/client_files.h"
#include "base/grpc/client_tls.h"

namespace probegate {

// LoadClientTls (base/grpc/client_tls.h) and LoadCallToken (base/grpc/call_token.h) together.
absl::StatusOr<ChannelSecurity> LoadClientSecurity(const ClientFiles& files);

}  // namespace probegate
