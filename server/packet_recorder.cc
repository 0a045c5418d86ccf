#include "server/packet_recorder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "base/one_line.h"
#include "probe/error.h"

namespace probegate {
namespace {

// `text` as a JSON string. OneLine leaves no control characters.
std::string Quoted(std::string_view text) {
  return absl::StrCat("\"", absl::StrReplaceAll(OneLine(text), {{"\\", "\\\\"}, {"\"", "\\\""}}), "\"");
}

std::string HexOf(absl::Span<const uint8_t> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 0xF];
  }
  return text;
}

std::string ErrorText() { return std::generic_category().message(errno); }

}  // namespace

class PacketRecorder::Sink final : public PacketSink {
 public:
  Sink(PacketRecorder& recorder, const std::string& location)
      : recorder_(recorder), probe_(absl::StrCat("\"probe\":", Quoted(location))) {
    OnEvent("opened", {});
  }
  ~Sink() override { OnEvent("closed", {}); }

  void OnPacketOut(absl::Span<const uint8_t> packet) override { AddPacket("out", packet); }
  void OnPacketIn(absl::Span<const uint8_t> packet) override { AddPacket("in", packet); }
  void OnTrace(absl::Span<const uint8_t> bytes) override { AddPacket("trace", bytes); }
  void OnEvent(std::string_view event, std::string_view text) override {
    std::string line = absl::StrCat(probe_, ",\"event\":", Quoted(event));
    if (!text.empty()) absl::StrAppend(&line, ",\"text\":", Quoted(text));
    recorder_.Add(line);
  }

 private:
  void AddPacket(const char* direction, absl::Span<const uint8_t> packet) {
    recorder_.Add(absl::StrCat(probe_, ",\"direction\":\"", direction, "\",\"data\":\"", HexOf(packet), "\""));
  }

  PacketRecorder& recorder_;
  const std::string probe_;
};

absl::StatusOr<std::unique_ptr<PacketRecorder>> PacketRecorder::Open(const std::string& file, Log& log,
                                                                     const RecorderBounds& bounds) {
  const auto fail = [&file](absl::string_view why) {
    return MakeError(ErrorKind::kInvalidArgument, absl::StrCat("--record ", file, ": ", why));
  };
  // The file may already exist and be readable by other users: make it private to its owner before it is written or
  // truncated.
  FileDescriptor opened(open(file.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600));
  struct stat facts{};
  if (!opened.ok() || fstat(opened.number(), &facts) != 0) return fail(ErrorText());
  if (!S_ISREG(facts.st_mode)) return fail("it exists and is not a regular file; choose another name");
  if (fchmod(opened.number(), 0600) != 0 || ftruncate(opened.number(), 0) != 0) return fail(ErrorText());
  return std::unique_ptr<PacketRecorder>(new PacketRecorder(std::move(opened), file, log, bounds));
}

PacketRecorder::PacketRecorder(FileDescriptor file, std::string name, Log& log, const RecorderBounds& bounds)
    : file_(std::move(file)), name_(std::move(name)), log_(log), bounds_(bounds), thread_([this] { Run(); }) {
  Add(absl::StrCat("\"recording\":1,\"version\":\"" PROBEGATE_VERSION "\""));
}

PacketRecorder::~PacketRecorder() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  thread_.join();
}

std::unique_ptr<PacketSink> PacketRecorder::NewSink(const std::string& location) {
  return std::make_unique<Sink>(*this, location);
}

std::string PacketRecorder::Time() const {
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  return absl::StrFormat("{\"time\":%.6f,", seconds);
}

void PacketRecorder::TellLeftOut(const std::string& time) {
  if (left_out_ == 0) return;
  absl::StrAppend(&waiting_, time, "\"event\":\"left_out\",\"lines\":", std::exchange(left_out_, 0), "}\n");
}

void PacketRecorder::Add(const std::string& rest) {
  const std::string time = Time();
  MutexLock lock(mutex_);
  if (failed_) return;
  if (waiting_.size() + time.size() + rest.size() > bounds_.waiting_bytes) {
    ++left_out_;
    return;
  }
  const bool idle = waiting_.empty();
  TellLeftOut(time);
  absl::StrAppend(&waiting_, time, rest, "}\n");
  if (idle) changed_.NotifyAll();
}

void PacketRecorder::Run() {
  while (true) {
    std::string lines;
    {
      MutexLock lock(mutex_);
      while (waiting_.empty() && !stopping_) changed_.Wait(mutex_);
      if (stopping_ && !failed_) TellLeftOut(Time());  // no later Add will do it
      if (waiting_.empty()) return;
      lines.swap(waiting_);
    }
    if (Write(lines)) continue;
    MutexLock lock(mutex_);
    failed_ = true;
    waiting_.clear();
  }
}

bool PacketRecorder::Write(const std::string& lines) {
  std::string why;
  if (written_ + lines.size() > bounds_.file_bytes) {
    why = absl::StrCat("it has ", written_, " bytes and may not exceed ", bounds_.file_bytes);
  }
  std::string_view left = lines;
  while (why.empty() && !left.empty()) {
    const ssize_t size = write(file_.number(), left.data(), left.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) {
      why = ErrorText();
    } else {
      left.remove_prefix(static_cast<size_t>(size));
      written_ += static_cast<uint64_t>(size);
    }
  }
  if (why.empty()) return true;
  log_.Warning("recording.ended", {{"file", name_}, {"reason", why}});
  return false;
}

}  // namespace probegate
