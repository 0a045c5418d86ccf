#include "tests/fakes/replay_transport.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "probe/error.h"

namespace probegate {
namespace {

using Kind = RecordedStep::Kind;

class ReplayTransport final : public cmsis_dap::Transport {
 public:
  ReplayTransport(std::vector<RecordedStep> steps, std::shared_ptr<std::string> mismatch)
      : steps_(std::move(steps)), mismatch_(std::move(mismatch)) {}

  size_t max_packet_size() const override { return 1024; }

  absl::Status Send(absl::Span<const uint8_t> packet) override {
    if (!mismatch_->empty()) return Gone();
    // Replies that nobody took stand in front of it where packets were in flight together.
    size_t at = next_;
    while (at < steps_.size() && steps_[at].kind != Kind::kOut) ++at;
    if (at == steps_.size() || packet != absl::MakeConstSpan(steps_[at].packet)) {
      *mismatch_ = absl::StrCat("step ", at, ": sent is ", Show(packet), ", recorded ",
                                at == steps_.size() ? "nothing" : Show(steps_[at].packet));
      return Gone();
    }
    if (at == next_) {
      ++next_;
    } else {
      steps_.erase(steps_.begin() + static_cast<std::ptrdiff_t>(at));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<absl::Span<const uint8_t>>> Receive(cmsis_dap::TimePoint) override {
    if (!mismatch_->empty()) return Gone();
    // What was sent meanwhile, and not yet here, is taken when it is sent.
    size_t at = next_;
    while (at < steps_.size() && steps_[at].kind == Kind::kOut) ++at;
    if (at == steps_.size() || steps_[at].kind == Kind::kError) return Gone();
    taken_ = std::move(steps_[at]);
    steps_.erase(steps_.begin() + static_cast<std::ptrdiff_t>(at));
    if (taken_.kind == Kind::kSilence) return std::nullopt;
    return absl::MakeConstSpan(taken_.packet);
  }

  absl::Status CheckPresent() override { return mismatch_->empty() ? absl::OkStatus() : Gone(); }
  DisconnectCause cause() const override { return DisconnectCause::kLinkClosed; }

 private:
  static std::string Show(absl::Span<const uint8_t> packet) {
    return absl::BytesToHexString({reinterpret_cast<const char*>(packet.data()), packet.size()});
  }
  static absl::Status Gone() { return MakeError(ErrorKind::kProbeDisconnected, "the recording ends here"); }

  std::vector<RecordedStep> steps_;
  const std::shared_ptr<std::string> mismatch_;
  size_t next_ = 0;
  RecordedStep taken_{};
};

// Nothing where the line says of something else than a packet's way.
std::optional<RecordedStep> StepOf(const nlohmann::json& line) {
  if (line.contains("direction")) {
    const std::string bytes = absl::HexStringToBytes(line.at("data").get<std::string>());
    return RecordedStep{line.at("direction") == "out" ? Kind::kOut : Kind::kIn, {bytes.begin(), bytes.end()}};
  }
  const std::string event = line.value("event", "");
  if (event == "silence") return RecordedStep{Kind::kSilence, {}};
  if (event == "error") return RecordedStep{Kind::kError, {}};
  return std::nullopt;
}

}  // namespace

absl::StatusOr<std::vector<RecordedStep>> ReadRecording(std::istream& file, const std::string& wanted) {
  std::vector<RecordedStep> steps;
  std::string probe = wanted;
  std::string text;
  for (size_t number = 1; std::getline(file, text); ++number) {
    const nlohmann::json line = nlohmann::json::parse(text, nullptr, false);
    if (!line.is_object()) return MakeError(ErrorKind::kInvalidArgument, absl::StrCat("line ", number, ": no object"));
    if (!line.contains("probe")) continue;
    if (probe.empty()) probe = line.at("probe").get<std::string>();
    if (line.at("probe") != probe) continue;
    if (line.value("event", "") == "closed") break;
    if (auto step = StepOf(line)) steps.push_back(*std::move(step));
  }
  return steps;
}

std::unique_ptr<cmsis_dap::Transport> Replay(std::vector<RecordedStep> steps, std::shared_ptr<std::string> mismatch) {
  return std::make_unique<ReplayTransport>(std::move(steps), std::move(mismatch));
}

}  // namespace probegate
