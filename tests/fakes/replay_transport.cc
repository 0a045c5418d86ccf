#include "tests/fakes/replay_transport.h"

#include <algorithm>
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
    // If packets were in flight together, untaken replies may come before it.
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
    // Recorded requests that have not been sent here yet are skipped now and matched when they are sent.
    size_t at = next_;
    while (at < steps_.size() && (steps_[at].kind == Kind::kOut || steps_[at].kind == Kind::kTrace)) ++at;
    if (at == steps_.size() || steps_[at].kind == Kind::kError) return Gone();
    taken_ = std::move(steps_[at]);
    steps_.erase(steps_.begin() + static_cast<std::ptrdiff_t>(at));
    if (taken_.kind == Kind::kSilence) return std::nullopt;
    return absl::MakeConstSpan(taken_.packet);
  }

  // Once all requests up to here have been answered, a packet before the next request is one that nobody waited for.
  absl::StatusOr<std::optional<absl::Span<const uint8_t>>> TakeUnasked() override {
    if (mismatch_->empty() && next_ < steps_.size() && steps_[next_].kind == Kind::kIn) return Receive({});
    return std::nullopt;
  }

  absl::Status CheckPresent() override { return mismatch_->empty() ? absl::OkStatus() : Gone(); }
  DisconnectCause cause() const override { return DisconnectCause::kLinkClosed; }

  cmsis_dap::TraceStream* trace() override {
    const bool streams = std::any_of(steps_.begin(), steps_.end(), [](const RecordedStep& step) {
      return step.kind == Kind::kOut && step.packet == std::vector<uint8_t>{0x17, 2};
    });
    return streams ? &trace_ : nullptr;
  }

 private:
  // Each read returns the bytes that were recorded after the last packet.
  class Trace : public cmsis_dap::TraceStream {
   public:
    explicit Trace(ReplayTransport& transport) : transport_(transport) {}
    absl::Status Start() override { return absl::OkStatus(); }
    void Stop() override {}
    absl::StatusOr<bool> Take(std::vector<uint8_t>& bytes, size_t) override {
      std::vector<RecordedStep>& steps = transport_.steps_;
      const size_t at = transport_.next_;
      if (at == steps.size() || steps[at].kind != Kind::kTrace) return false;
      bytes.insert(bytes.end(), steps[at].packet.begin(), steps[at].packet.end());
      steps.erase(steps.begin() + static_cast<std::ptrdiff_t>(at));
      return false;
    }

   private:
    ReplayTransport& transport_;
  };

  static std::string Show(absl::Span<const uint8_t> packet) {
    return absl::BytesToHexString({reinterpret_cast<const char*>(packet.data()), packet.size()});
  }
  static absl::Status Gone() { return MakeError(ErrorKind::kProbeDisconnected, "the recording ends here"); }

  std::vector<RecordedStep> steps_;
  const std::shared_ptr<std::string> mismatch_;
  size_t next_ = 0;
  RecordedStep taken_{};
  Trace trace_{*this};
};

// Returns nothing if the line is not about a packet.
std::optional<RecordedStep> StepOf(const nlohmann::json& line) {
  if (line.contains("direction")) {
    const std::string bytes = absl::HexStringToBytes(line.at("data").get<std::string>());
    const std::string direction = line.at("direction").get<std::string>();
    const Kind kind = direction == "out" ? Kind::kOut : direction == "trace" ? Kind::kTrace : Kind::kIn;
    return RecordedStep{kind, {bytes.begin(), bytes.end()}};
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
