// The server's kinds of error as the remote protocol's status numbers. No other translation of error kinds exists here.
#pragma once

#include "gateway/protocol/json_codec.h"
#include "probegate/v1/error.pb.h"

namespace probegate {

// A kind from a newer server is a general error.
ReplyStatus StatusOfError(v1::ErrorKind kind);

}  // namespace probegate
