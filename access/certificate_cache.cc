#include "access/certificate_cache.h"

#include <utility>

#include "access/certificate.h"

namespace probegate {

absl::StatusOr<CertificateNames> CertificateCache::Read(const std::string& pem) {
  std::shared_ptr<const CertificateNames> names;
  {
    MutexLock lock(mutex_);
    if (const auto found = known_.find(pem); found != known_.end()) names = found->second;
  }
  if (names != nullptr) return *names;
  auto read = ReadCertificate(pem);
  if (!read.ok()) return read;
  std::map<std::string, std::shared_ptr<const CertificateNames>> dropped;  // destroyed without the lock
  MutexLock lock(mutex_);
  if (known_.size() >= kMost) dropped.swap(known_);
  known_[pem] = std::make_shared<const CertificateNames>(*read);
  return read;
}

}  // namespace probegate
