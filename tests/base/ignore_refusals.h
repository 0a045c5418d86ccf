// For a test that is not about the connections that an AcceptLoop refuses.
#pragma once

#include <string>
#include <string_view>

#include "base/accept_loop.h"
#include "base/peer.h"

namespace probegate {

// Threads: any.
class IgnoreRefusals : public AcceptObserver {
  void OnRefused(const std::string&, const Peer&, std::string_view) override {}
  void OnAcceptFailed(const std::string&, int) override {}
};

}  // namespace probegate
