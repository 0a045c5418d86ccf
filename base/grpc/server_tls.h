// The TLS side of a program that serves gRPC: at least TLS 1.2, with the cipher suites that gRPC allows, which all
// authenticate the server and have forward secrecy.
//
// The files are looked at every second. If they have changed and are valid, connections that begin from then on use
// them; those that exist go on as they are. If they are not valid, for instance because the key has been replaced and
// the certificate not yet, the ones before stay in use until they are (docs/decisions/tls-files-checked-by-us.md).
//
// Threads: any; the object has one of its own, which reads the files.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include <grpcpp/security/server_credentials.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "base/tls_files.h"

namespace probegate {

class ServerTls {
 public:
  // Called on the object's thread when files have changed: with OK if they are in use now, otherwise with one line that
  // says why not. Must not block.
  using OnChange = std::function<void(const absl::Status& status)>;

  // Reads the files. INVALID_ARGUMENT, with one line that names the file and what is wrong with it;
  // RESOURCE_EXHAUSTED if the system has no thread left. Blocks on the file system.
  static absl::StatusOr<std::unique_ptr<ServerTls>> Start(ServerTlsFiles files, OnChange on_change);
  ~ServerTls();
  ServerTls(const ServerTls&) = delete;
  ServerTls& operator=(const ServerTls&) = delete;

  struct Current {
    std::shared_ptr<grpc::ServerCredentials> credentials;
    std::chrono::system_clock::time_point expiry;  // of the certificate, or of an intermediate authority's before it
    uint64_t version = 0;                          // from 1 upward; another one whenever the credentials are others
  };
  // Those of the newest valid files. Does not block.
  Current current() const;

 private:
  ServerTls(ServerTlsFiles files, OnChange on_change);
  absl::Status Load();
  void Run();

  const ServerTlsFiles files_;
  const OnChange on_change_;
  std::string seen_;  // what the files looked like when they were last read; used by the thread, and before it starts

  mutable Mutex mutex_;
  CondVar changed_;
  Current current_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace probegate
