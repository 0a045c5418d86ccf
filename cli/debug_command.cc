// The subcommand debug uses three threads: the main thread writes gdb's output, one sends what the user types, and one
// sends Ctrl-C.
#include "cli/debug_command.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fstream>
#include <memory>
#include <thread>

#include <grpcpp/grpcpp.h>

#include "base/file_descriptor.h"
#include "base/grpc/channel.h"
#include "base/mutex.h"
#include "base/signals.h"
#include "cc/arduino/cli/debug/debug.grpc.pb.h"
#include "cli/print/failure.h"
#include "probegate/v1/debug_files.grpc.pb.h"

namespace probegate {
namespace {

using cc::arduino::cli::debug::Debug;
using cc::arduino::cli::debug::DebugReq;
using cc::arduino::cli::debug::DebugResp;
using Stream = grpc::ClientReaderWriter<DebugReq, DebugResp>;

constexpr std::chrono::seconds kConnectBound{5};
constexpr size_t kChunk = size_t{64} << 10;

ExitCode ExitCodeOf(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::INVALID_ARGUMENT:
      return ExitCode::kUsage;
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::PERMISSION_DENIED:
      return ExitCode::kDenied;
    case grpc::StatusCode::NOT_FOUND:
      return ExitCode::kNotFound;
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return ExitCode::kBusy;
    case grpc::StatusCode::UNAVAILABLE:
      return ExitCode::kUnreachable;
    default:
      return ExitCode::kFailed;
  }
}

[[noreturn]] void Throw(const grpc::Status& status) {
  throw Failure(ExitCodeOf(status.error_code()), status.error_message());
}

std::shared_ptr<grpc::Channel> Connect(const Endpoint& debugd, const ChannelSecurity& security) {
  auto channel = MakeChannel(debugd.ToString(), {.authority = debugd.ToString(), .security = security});
  if (!channel->WaitForConnected(std::chrono::system_clock::now() + kConnectBound)) {
    throw Failure(ExitCode::kUnreachable, "no probegate-debugd answers at " + debugd.ToString() + "; " +
                                              ReasonNotConnected(channel, "is it running? (--debugd)"));
  }
  return channel;
}

// Returns the name under which the session finds the file.
std::string Upload(const std::shared_ptr<grpc::Channel>& channel, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Failure(ExitCode::kFailed, "cannot read " + path);
  const auto files = v1::DebugFiles::NewStub(channel);
  grpc::ClientContext context;
  v1::UploadElfResponse response;
  const auto writer = files->UploadElf(&context, &response);
  v1::UploadElfRequest request;
  std::string& part = *request.mutable_data();
  do {
    part.resize(kChunk);
    file.read(part.data(), static_cast<std::streamsize>(part.size()));
    part.resize(static_cast<size_t>(file.gcount()));
  } while (writer->Write(request) && file);
  writer->WritesDone();
  if (const grpc::Status status = writer->Finish(); !status.ok()) Throw(status);
  return response.import_file();
}

// The writing side of the stream, which two threads share.
class Writer {
 public:
  explicit Writer(Stream& stream) : stream_(stream) {}
  bool Write(const DebugReq& request) {
    MutexLock lock(mutex_);
    return stream_.Write(request);
  }

 private:
  Mutex mutex_;
  Stream& stream_;
};

// Handles Ctrl-C and SIGTERM. Before there is a session, both end the program. After that, each Ctrl-C is sent to the
// session, and SIGTERM cancels the session. To be constructed before the program starts other threads.
class Interrupts {
 public:
  Interrupts() : thread_([this] { Run(); }) {}
  ~Interrupts() { End(); }
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  // Both arguments must outlive the call of End.
  void Begin(Writer& writer, grpc::ClientContext& context) {
    MutexLock lock(mutex_);
    writer_ = &writer;
    context_ = &context;
  }
  void End() {
    if (!thread_.joinable()) return;
    over_ = true;
    // The thread has the signal blocked and waits for it.
    pthread_kill(thread_.native_handle(), SIGTERM);  // NOLINT(bugprone-bad-signal-to-kill-thread)
    thread_.join();
  }

 private:
  void Run() {
    while (true) {
      const int signal = signals_.Wait();
      if (over_) return;
      Take(signal);
    }
  }
  void Take(int signal) {
    Writer* writer = nullptr;
    {
      MutexLock lock(mutex_);
      // There is nothing to clean up: debugd removes an uploaded file when the connection ends.
      if (writer_ == nullptr) {
        signals_.Release();
        ::raise(signal);
      }
      if (signal == SIGTERM && context_ != nullptr) return context_->TryCancel();
      writer = writer_;
    }
    // There is no session yet, and raise had no effect, because the parent process has set SIGINT to be ignored.
    if (writer == nullptr) return;
    DebugReq request;
    request.set_send_interrupt(true);
    writer->Write(request);
  }

  TerminationSignals signals_;
  std::atomic<bool> over_ = false;
  Mutex mutex_;
  Writer* writer_ ABSL_GUARDED_BY(mutex_) = nullptr;
  grpc::ClientContext* context_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::thread thread_;
};

// Sends what the user types, until the end of the input or this object's destruction. At the end of the input it asks
// gdb to quit, which may take a while.
class Typing {
 public:
  Typing(Writer& writer, bool console)
      : over_(::eventfd(0, EFD_CLOEXEC)), thread_([this, &writer, console] { Run(writer, console); }) {}
  ~Typing() {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(over_.number(), &one, sizeof one);
    thread_.join();
  }
  Typing(const Typing&) = delete;
  Typing& operator=(const Typing&) = delete;

 private:
  void Run(Writer& writer, bool console) {
    DebugReq request;
    while (true) {
      pollfd files[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = over_.number(), .events = POLLIN}};
      if (::poll(files, 2, -1) < 0 && errno != EINTR) return;
      if (files[1].revents != 0) return;
      if (files[0].revents == 0) continue;
      std::string& data = *request.mutable_data();
      data.resize(kChunk);
      const ssize_t got = ::read(STDIN_FILENO, data.data(), data.size());
      data.resize(got > 0 ? static_cast<size_t>(got) : 0);
      if (got <= 0) break;
      if (!writer.Write(request)) return;
    }
    request.set_data(console ? "\nquit\n" : "\n-gdb-exit\n");
    writer.Write(request);
  }

  const FileDescriptor over_;
  std::thread thread_;
};

void Print(const std::string& text) {
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw Failure(ExitCode::kFailed, "cannot write to standard output");
    rest.remove_prefix(static_cast<size_t>(written));
  }
}

int GdbExitCode(const grpc::ClientContext& context) {
  const auto& metadata = context.GetServerTrailingMetadata();
  const auto found = metadata.find("probegate-gdb-exit-code");
  return found == metadata.end() ? 0 : std::atoi(std::string(found->second.data(), found->second.size()).c_str());
}

}  // namespace

int RunDebug(const DebugArguments& arguments) {
  Interrupts interrupts;
  const auto channel = Connect(arguments.debugd, arguments.security);
  DebugReq first;
  auto& config = *first.mutable_debugreq();
  config.set_port(arguments.probe);
  config.set_fqbn(arguments.board);
  config.set_interpreter(arguments.interpreter);
  config.set_import_file(arguments.upload ? Upload(channel, arguments.elf) : arguments.elf);

  const auto debug = Debug::NewStub(channel);
  grpc::ClientContext context;
  const auto stream = debug->Debug(&context);
  Writer writer(*stream);
  writer.Write(first);
  interrupts.Begin(writer, context);
  grpc::Status status;
  try {
    Typing typing(writer, arguments.interpreter == "console");
    DebugResp response;
    while (stream->Read(&response)) Print(response.data());
    status = stream->Finish();
  } catch (...) {
    context.TryCancel();
    interrupts.End();
    throw;
  }
  interrupts.End();
  if (!status.ok()) Throw(status);
  return GdbExitCode(context);
}

}  // namespace probegate
