// A Transport whose replies a test decides: a function answers each request, or a script does.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "probe/cmsis_dap/transport.h"
#include "probe/error.h"

namespace probegate {

class FakeTransport : public cmsis_dap::Transport {
 public:
  using Packet = std::vector<uint8_t>;
  // The replies that a request causes: none, one, or several.
  using Device = std::function<std::vector<Packet>(const Packet& request)>;

  // What went over the wire; outlives the transport.
  struct Record {
    std::vector<Packet> requests;
    size_t most_outstanding = 0;
    bool gone = false;
    DisconnectCause cause = DisconnectCause::kLinkClosed;
  };

  FakeTransport(Device device, std::shared_ptr<Record> record)
      : device_(std::move(device)), record_(std::move(record)) {}

  size_t max_packet_size() const override { return 1024; }

  absl::Status Send(absl::Span<const uint8_t> packet) override {
    if (record_->gone) return Gone();
    record_->requests.emplace_back(packet.begin(), packet.end());
    for (Packet& reply : device_(record_->requests.back())) replies_.push_back(std::move(reply));
    record_->most_outstanding = std::max(record_->most_outstanding, replies_.size());
    return absl::OkStatus();
  }

  // Answers none at once where there is none: nobody waits for a reply that cannot come.
  absl::StatusOr<std::optional<absl::Span<const uint8_t>>> Receive(cmsis_dap::TimePoint /*deadline*/) override {
    if (record_->gone) return Gone();
    if (replies_.empty()) return std::nullopt;
    last_ = std::move(replies_.front());
    replies_.pop_front();
    return absl::MakeConstSpan(last_);
  }

  absl::Status CheckPresent() override { return record_->gone ? Gone() : absl::OkStatus(); }

  DisconnectCause cause() const override { return record_->cause; }

 private:
  static absl::Status Gone() { return MakeError(ErrorKind::kProbeDisconnected, "the fake transport is gone"); }

  const Device device_;
  const std::shared_ptr<Record> record_;
  std::deque<Packet> replies_;
  Packet last_;
};

}  // namespace probegate
