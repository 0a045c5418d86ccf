#include "access/audit_sink.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/file_descriptor.h"
#include "base/write_all.h"

namespace probegate {
namespace {

constexpr mode_t kMode = 0640;
constexpr int kPriority = 10 * 8 + 5;  // authpriv, notice
constexpr char kSyslogSocket[] = "/dev/log";

absl::Status Failed(const std::string& what) {
  const int error = errno;
  return absl::ErrnoToStatus(error, what);
}

// Lines into an open file. A line that was only written in part, because the disk is full, is ended before the next
// one.
class Lines {
 public:
  bool Write(int file, std::string_view line) {
    if (in_line_ && WriteAll(file, "\n") == 0) return false;
    in_line_ = false;
    const size_t written = WriteAll(file, line);
    if (written == line.size()) return true;
    in_line_ = written > 0;
    return false;
  }

 private:
  bool in_line_ = false;
};

class FileSink : public AuditSink {
 public:
  explicit FileSink(std::string path) : path_(std::move(path)) {}

  absl::Status Write(std::string_view line) override {
    return lines_.Write(file_->number(), line) ? absl::OkStatus() : Failed("cannot write " + path_);
  }

  absl::Status Reopen() override {
    // O_NONBLOCK: opening a FIFO must not wait for a reader. It has no effect on the files that are accepted.
    FileDescriptor file(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, kMode));
    if (!file.ok()) return Failed("cannot open " + path_);
    struct stat status{};
    if (::fstat(file.number(), &status) != 0) return Failed("cannot open " + path_);
    if (!S_ISREG(status.st_mode) && !S_ISCHR(status.st_mode)) {
      return absl::InvalidArgumentError("cannot write an audit log to " + path_ + ": not a regular file");
    }
    file_.emplace(std::move(file));
    lines_ = Lines();
    return absl::OkStatus();
  }

 private:
  const std::string path_;
  std::optional<FileDescriptor> file_;
  Lines lines_;
};

class StandardOutputSink : public AuditSink {
 public:
  absl::Status Write(std::string_view line) override {
    return lines_.Write(STDOUT_FILENO, line) ? absl::OkStatus() : Failed("cannot write standard output");
  }
  absl::Status Reopen() override { return absl::OkStatus(); }

 private:
  Lines lines_;
};

class SyslogSink : public AuditSink {
 public:
  SyslogSink(std::string socket, std::string ident) : path_(std::move(socket)), ident_(std::move(ident)) {}

  absl::Status Write(std::string_view line) override {
    const std::string time = absl::FormatTime("%b %e %H:%M:%S", absl::Now(), absl::LocalTimeZone());
    const std::string message = "<" + std::to_string(kPriority) + ">" + time + " " + ident_ + "[" +
                                std::to_string(::getpid()) + "]: " + std::string(line.substr(0, line.size() - 1));
    if (!socket_) {
      if (absl::Status status = Reopen(); !status.ok()) return status;
    }
    if (::send(socket_->number(), message.data(), message.size(), MSG_NOSIGNAL) >= 0) return absl::OkStatus();
    absl::Status failed = Failed("cannot send to " + path_);
    socket_.reset();  // the daemon may have been restarted
    return failed;
  }

  absl::Status Reopen() override {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    if (path_.size() >= sizeof address.sun_path) return absl::InvalidArgumentError(path_ + " is too long a path");
    std::memcpy(address.sun_path, path_.data(), path_.size());
    FileDescriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket.ok() || ::connect(socket.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      return Failed("cannot connect to syslog at " + path_);
    }
    socket_.emplace(std::move(socket));
    return absl::OkStatus();
  }

 private:
  const std::string path_;
  const std::string ident_;
  std::optional<FileDescriptor> socket_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<AuditSink>> OpenAuditSink(const std::string& where, const std::string& ident) {
  std::unique_ptr<AuditSink> sink;
  if (where == "-") {
    sink = std::make_unique<StandardOutputSink>();
  } else if (where == "syslog") {
    sink = MakeSyslogSink(kSyslogSocket, ident);
  } else {
    sink = std::make_unique<FileSink>(where);
  }
  if (absl::Status status = sink->Reopen(); !status.ok()) return status;
  return sink;
}

std::unique_ptr<AuditSink> MakeSyslogSink(const std::string& socket, const std::string& ident) {
  return std::make_unique<SyslogSink>(socket, ident);
}

}  // namespace probegate
