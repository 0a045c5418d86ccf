// A Transport whose replies the test decides: a function or a script answers each request. If the record says so, it
// has an endpoint for SWO, whose bytes come from the test.
#pragma once

#include <algorithm>
#include <cstdint>
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

  // What was sent over the wire. It outlives the transport.
  struct Record {
    std::vector<Packet> requests;
    size_t most_outstanding = 0;
    size_t holds = SIZE_MAX;    // how many packets the device has room for: it loses those that come beyond
    bool tells_unasked = true;  // the transport can tell whether a packet has come that nobody waits for
    bool gone = false;
    DisconnectCause cause = DisconnectCause::kLinkClosed;
    // The number of the attempt to restore the link that resets the device; 0 for none.
    int resetting_attempt = 0;
    int resets = 0;
    std::function<void()> on_reset;  // null, or what the device does then
    // The endpoint for SWO.
    bool has_trace = false;
    Packet trace;
    absl::Status trace_error;  // of the next take
    int trace_starts = 0;
    bool trace_reads = false;
  };

  FakeTransport(Device device, std::shared_ptr<Record> record)
      : device_(std::move(device)), record_(std::move(record)) {}

  size_t max_packet_size() const override { return 1024; }

  absl::Status Send(absl::Span<const uint8_t> packet) override {
    if (record_->gone) return Gone();
    record_->requests.emplace_back(packet.begin(), packet.end());
    if (replies_.size() >= record_->holds) return absl::OkStatus();
    for (Packet& reply : device_(record_->requests.back())) replies_.push_back(std::move(reply));
    record_->most_outstanding = std::max(record_->most_outstanding, replies_.size());
    return absl::OkStatus();
  }

  // If there is no reply, returns nothing at once: waiting for a reply that cannot come would be useless.
  absl::StatusOr<std::optional<absl::Span<const uint8_t>>> Receive(cmsis_dap::TimePoint /*deadline*/) override {
    if (record_->gone) return Gone();
    if (replies_.empty()) return std::nullopt;
    last_ = std::move(replies_.front());
    replies_.pop_front();
    return absl::MakeConstSpan(last_);
  }

  absl::StatusOr<std::optional<absl::Span<const uint8_t>>> TakeUnasked() override {
    if (!record_->tells_unasked) return std::nullopt;
    return Receive({});
  }

  absl::StatusOr<bool> Restore(int attempt) override {
    const bool resets = attempt == record_->resetting_attempt;
    record_->resets += resets ? 1 : 0;
    if (resets && record_->on_reset) record_->on_reset();
    return resets;
  }

  cmsis_dap::TraceStream* trace() override { return record_->has_trace ? &trace_ : nullptr; }

  absl::Status CheckPresent() override { return record_->gone ? Gone() : absl::OkStatus(); }

  DisconnectCause cause() const override { return record_->cause; }

 private:
  class Trace : public cmsis_dap::TraceStream {
   public:
    explicit Trace(Record& record) : record_(record) {}
    absl::Status Start() override {
      record_.trace.clear();
      ++record_.trace_starts;
      record_.trace_reads = true;
      return absl::OkStatus();
    }
    void Stop() override { record_.trace_reads = false; }
    absl::StatusOr<bool> Take(std::vector<uint8_t>& bytes, size_t most) override {
      if (!record_.trace_error.ok()) return std::exchange(record_.trace_error, absl::OkStatus());
      const auto count = static_cast<std::ptrdiff_t>(std::min(most, record_.trace.size()));
      bytes.insert(bytes.end(), record_.trace.begin(), record_.trace.begin() + count);
      record_.trace.erase(record_.trace.begin(), record_.trace.begin() + count);
      return !record_.trace.empty();
    }

   private:
    Record& record_;
  };

  static absl::Status Gone() { return MakeError(ErrorKind::kProbeDisconnected, "the fake transport is gone"); }

  const Device device_;
  const std::shared_ptr<Record> record_;
  std::deque<Packet> replies_;
  Packet last_;
  Trace trace_{*record_};
};

}  // namespace probegate
