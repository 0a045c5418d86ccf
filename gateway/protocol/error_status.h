// Translates the server's error kinds into the remote protocol's status numbers. This is the gateway's only translation
// of error kinds.
#pragma once

#include "gateway/protocol/json_codec.h"
#include "probegate/v1/error.pb.h"

namespace probegate {

// A kind that only a newer server knows becomes a general error.
ReplyStatus StatusOfError(v1::ErrorKind kind);

}  // namespace probegate
