#include "probe/cmsis_dap/recording_transport.h"

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "probe/error.h"

namespace probegate::cmsis_dap {
namespace {

using Teller = std::function<absl::Status(absl::Status)>;

class RecordingTrace final : public TraceStream {
 public:
  RecordingTrace(TraceStream& trace, PacketSink& sink, Teller tell)
      : trace_(trace), sink_(sink), tell_(std::move(tell)) {}

  absl::Status Start() override { return tell_(trace_.Start()); }
  void Stop() override { trace_.Stop(); }

  absl::StatusOr<bool> Take(std::vector<uint8_t>& bytes, size_t most) override {
    const size_t before = bytes.size();
    auto more = trace_.Take(bytes, most);
    if (bytes.size() > before) sink_.OnTrace(absl::MakeConstSpan(bytes).subspan(before));
    if (!more.ok()) return tell_(more.status());
    return more;
  }

 private:
  TraceStream& trace_;
  PacketSink& sink_;
  const Teller tell_;
};

class RecordingTransport final : public Transport {
 public:
  RecordingTransport(std::unique_ptr<Transport> transport, std::unique_ptr<PacketSink> sink)
      : transport_(std::move(transport)), sink_(std::move(sink)) {
    TraceStream* trace = transport_->trace();
    if (trace != nullptr)
      trace_.emplace(*trace, *sink_, [this](absl::Status status) { return Tell(std::move(status)); });
  }

  size_t max_packet_size() const override { return transport_->max_packet_size(); }

  bool pads_replies() const override { return transport_->pads_replies(); }

  absl::Status Send(absl::Span<const uint8_t> packet) override {
    sink_->OnPacketOut(packet);
    return Tell(transport_->Send(packet));
  }

  absl::StatusOr<std::optional<absl::Span<const uint8_t>>> Receive(TimePoint deadline) override {
    auto packet = transport_->Receive(deadline);
    if (!packet.ok()) return Tell(packet.status());
    if (packet->has_value()) {
      sink_->OnPacketIn(**packet);
    } else {
      sink_->OnEvent("silence", {});
    }
    return packet;
  }

  absl::StatusOr<std::optional<absl::Span<const uint8_t>>> TakeUnasked() override {
    auto packet = transport_->TakeUnasked();
    if (!packet.ok()) return Tell(packet.status());
    if (packet->has_value()) sink_->OnPacketIn(**packet);
    return packet;
  }

  absl::Status CheckPresent() override {
    absl::Status status = transport_->CheckPresent();
    return gone_ ? status : Tell(std::move(status));
  }

  absl::StatusOr<bool> Restore(int attempt) override {
    sink_->OnEvent("restore", std::to_string(attempt));
    auto reset = transport_->Restore(attempt);
    if (!reset.ok()) return Tell(reset.status());
    return reset;
  }

  int restores() const override { return transport_->restores(); }

  TraceStream* trace() override { return trace_ ? &*trace_ : nullptr; }

  DisconnectCause cause() const override { return transport_->cause(); }

 private:
  absl::Status Tell(absl::Status status) {
    if (status.ok()) return status;
    sink_->OnEvent("error", {status.message().data(), status.message().size()});
    gone_ = gone_ || IsError(status, ErrorKind::kProbeDisconnected);
    return status;
  }

  const std::unique_ptr<Transport> transport_;
  const std::unique_ptr<PacketSink> sink_;
  std::optional<RecordingTrace> trace_;
  bool gone_ = false;  // the loss has been reported; without this, every call of CheckPresent would report it again
};

}  // namespace

std::unique_ptr<Transport> Record(std::unique_ptr<Transport> transport, std::unique_ptr<PacketSink> sink) {
  return std::make_unique<RecordingTransport>(std::move(transport), std::move(sink));
}

}  // namespace probegate::cmsis_dap
