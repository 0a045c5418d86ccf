// Remembers the names in client certificates: gRPC has the certificate of a connection as text for each of its calls,
// and it need be parsed only once.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "access/credentials.h"
#include "base/mutex.h"

namespace probegate {

// Threads: any. Does not block.
class CertificateCache {
 public:
  // ReadCertificate of `pem`, the same for the same text. TLS has verified `pem`, so that only holders of certificates
  // of the program's authorities can fill the cache; when it is full, it is emptied.
  absl::StatusOr<CertificateNames> Read(const std::string& pem);

  static constexpr size_t kMost = 1024;  // certificates, of a few KiB each

 private:
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<const CertificateNames>> known_ ABSL_GUARDED_BY(mutex_);  // by their PEM
};

}  // namespace probegate
