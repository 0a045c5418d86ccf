// Keeps the keys of an issuer on disk, so that tokens can be checked as soon as a program has started, also if the
// issuer cannot be reached at that time.
//
// A file has three parts: when the keys were fetched (RFC 3339), and from which URL, with a line for each; and the JWK
// Set as it was received.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace probegate {

// Threads: one at a time. Blocks while the disk does.
class KeyCache {
 public:
  struct Entry {
    absl::Time fetched;
    std::string jwks;
  };

  // `folder` must exist, and only this program may be able to write to it. If it is empty, nothing is kept.
  KeyCache(const std::string& folder, std::string url);

  // What Store kept, even by an earlier run of the program. Nothing if there is nothing, or if it cannot be read.
  std::optional<Entry> Load() const;

  absl::Status Store(const Entry& entry) const;

 private:
  const std::string url_;
  const std::string file_;  // empty if nothing is kept
};

}  // namespace probegate
