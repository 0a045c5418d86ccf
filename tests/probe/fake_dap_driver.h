// The driver on a FakeDap, for its tests.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "probe/adi/registers.h"
#include "probe/cmsis_dap/driver.h"
#include "probe/error.h"
#include "probe/observer.h"
#include "tests/fakes/fake_dap.h"

namespace probegate::cmsis_dap {

struct AssumptionRecord : NoObserver {
  void OnAssumption(std::string_view what) override { texts.emplace_back(what); }
  std::vector<std::string> texts;
};

class FakeDapDriver : public ::testing::Test {
 protected:
  using Packet = FakeDap::Packet;
  using Commands = std::vector<uint8_t>;

  FakeDapDriver() {
    auto probe = OpenCmsisDap(std::make_unique<FakeTransport>(dap_.device(), record_),
                              {.reply_timeout = std::chrono::milliseconds(1),
                               .jtag_chain = {.ir_lengths = {4}, .device = 0}});  // the device has no wire to search
    EXPECT_TRUE(probe.ok()) << probe.status();
    probe_ = *std::move(probe);
    probe_->SetObserver(&assumptions_);
    record_->requests.clear();
  }

  // The commands since the last call of this function.
  Commands Sent() {
    Commands commands;
    for (const Packet& request : std::exchange(record_->requests, {})) commands.push_back(request[0]);
    return commands;
  }

  absl::Status Transfer() {
    uint32_t word = 0;
    const TransferOp op{.port = Port::kDp, .address = adi::kDpRdbuff, .read = absl::MakeSpan(&word, 1)};
    return probe_->Transfer(absl::MakeConstSpan(&op, 1)).status;
  }

  AssumptionRecord assumptions_;
  FakeDap dap_;
  const std::shared_ptr<FakeTransport::Record> record_ = std::make_shared<FakeTransport::Record>();
  std::unique_ptr<Probe> probe_;
};

}  // namespace probegate::cmsis_dap
