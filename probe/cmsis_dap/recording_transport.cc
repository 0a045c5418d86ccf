#include "probe/cmsis_dap/recording_transport.h"

#include <string>
#include <utility>

#include "probe/error.h"

namespace probegate::cmsis_dap {
namespace {

class RecordingTransport final : public Transport {
 public:
  RecordingTransport(std::unique_ptr<Transport> transport, std::unique_ptr<PacketSink> sink)
      : transport_(std::move(transport)), sink_(std::move(sink)) {}

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

  absl::Status CheckPresent() override {
    absl::Status status = transport_->CheckPresent();
    return gone_ ? status : Tell(std::move(status));
  }

  absl::Status Restore(int attempt) override {
    sink_->OnEvent("restore", std::to_string(attempt));
    return Tell(transport_->Restore(attempt));
  }

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
  bool gone_ = false;  // that was told: being asked again and again whether it is, it would be told as often
};

}  // namespace

std::unique_ptr<Transport> Record(std::unique_ptr<Transport> transport, std::unique_ptr<PacketSink> sink) {
  return std::make_unique<RecordingTransport>(std::move(transport), std::move(sink));
}

}  // namespace probegate::cmsis_dap
