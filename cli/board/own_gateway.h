// A probegate-gateway that belongs to this program: it serves one probe, on loopback, to this user's programs, for as
// long as this program needs it (docs/decisions/a-gateway-of-ones-own.md).
#pragma once

#include <csignal>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/client_files.h"
#include "base/endpoint.h"
#include "base/file_descriptor.h"
#include "cli/board/child.h"

namespace probegate {

struct OwnGatewayOptions {
  std::vector<Endpoint> servers;
  std::vector<std::string> client_words;  // options with which it connects to them (config/client_options.h)
  std::string probe;                      // its whole unique ID
  uint16_t port = 0;                      // 0: a free one
  sigset_t blocked{};                     // which signals were blocked when this program started
};

// Threads: one.
class OwnGateway {
 public:
  // Starts the program probegate-gateway that is next to this one. Throws a Failure if that is not possible.
  explicit OwnGateway(const OwnGatewayOptions& options);
  // Ends it, which takes a moment if clients are still connected, and at most Child::kPatience.
  ~OwnGateway();
  OwnGateway(const OwnGateway&) = delete;
  OwnGateway& operator=(const OwnGateway&) = delete;

  // Becomes readable when there is something for TakeOutput.
  int output() const { return output_.number(); }
  // Reads what the gateway has logged, and shows its warnings on standard error. False if it has ended: reason() says
  // why.
  bool TakeOutput();

  // Where it serves the probe; nothing until it does.
  const std::optional<Endpoint>& address() const { return address_; }
  const std::string& reason() const { return reason_; }

 private:
  // A folder for the gateway's record of ports, which nobody needs afterwards.
  struct Folder {
    Folder();
    ~Folder();
    std::filesystem::path path;
  };

  struct Pipe {
    Pipe();
    int read = -1;
    int write = -1;
  };

  OwnGateway(const OwnGatewayOptions& options, Pipe pipe);
  void TakeLine(const std::string& line);

  const Folder folder_;
  const FileDescriptor output_;
  std::optional<Child> child_;
  std::string unfinished_;  // the beginning of a line
  std::optional<Endpoint> address_;
  std::string reason_;
};

}  // namespace probegate
