// The simulated board over TCP as a world for the contract suite.
#pragma once

#include <chrono>
#include <memory>
#include <utility>

#include "probe/cmsis_dap/driver.h"
#include "probe/cmsis_dap/tcp_transport.h"
#include "tests/contract/sim_world.h"

namespace probegate {

class TcpWorld : public SimWorld {
 public:
  using SimWorld::SimWorld;

  absl::StatusOr<std::unique_ptr<Probe>> OpenProbe() override {
    auto transport = cmsis_dap::ConnectTcp({"127.0.0.1", port()}, std::chrono::milliseconds(5000));
    if (!transport.ok()) return transport.status();
    return cmsis_dap::OpenCmsisDap(*std::move(transport), {.reply_timeout = kReplyTimeout});
  }
};

}  // namespace probegate
