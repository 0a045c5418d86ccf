// The files with which a program protects its connections to servers, and proves who it is.
#pragma once

#include <string>

#include "base/tls_files.h"

namespace probegate {

struct ClientFiles {
  ClientTlsFiles tls;
  std::string token;  // with a token for each call; empty: none is sent
};

}  // namespace probegate
