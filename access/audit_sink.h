// Where an audit log is written to.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace probegate {

// Threads: one at a time. All functions may block.
class AuditSink {
 public:
  AuditSink() = default;
  virtual ~AuditSink() = default;
  AuditSink(const AuditSink&) = delete;
  AuditSink& operator=(const AuditSink&) = delete;

  // Writes `line`, which ends with a newline. After an error, the caller may try again with the same line, which is
  // then written from its beginning, on a new line.
  virtual absl::Status Write(std::string_view line) = 0;

  // Opens a file again, after it was renamed. After an error, the old one is still written to.
  virtual absl::Status Reopen() = 0;
};

// Opens the sink that `where` names: the path of a file, "-" for standard output, or "syslog". A file is appended to,
// and created with mode 0640 if it does not exist; it must be a regular file or a character device. Lines in syslog are
// of the facility authpriv, severity notice, and have the program's name `ident`. An error with the path and the
// reason, if it cannot be opened.
absl::StatusOr<std::unique_ptr<AuditSink>> OpenAuditSink(const std::string& where, const std::string& ident);

// Sends to the socket of a syslog daemon at `socket`, as RFC 3164 describes it. Not syslog(3), which drops lines
// silently.
std::unique_ptr<AuditSink> MakeSyslogSink(const std::string& socket, const std::string& ident);

}  // namespace probegate
