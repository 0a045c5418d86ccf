// The access file, the file of static tokens, and the files with keys that the access file names: read at the start,
// and again whenever one of them changes.
//
// They are reloaded as a whole. If any of them is invalid then, everything stays as it was, and the program is told.
//
//   auto file = AccessFile::Open({.access = "/etc/probegate/access.yaml"}, {.changed = …, .invalid = …});
//   …
//   const std::shared_ptr<const AccessSnapshot> now = (*file)->current();
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "access/access_snapshot.h"
#include "access/clock.h"
#include "access/fetched_keys.h"

namespace probegate {

class AccessFile {
 public:
  struct Paths {
    std::string access;     // empty: none; everyone then has all rights (Policy::AllowAll)
    std::string tokens;     // empty: none
    std::string key_cache;  // a folder, as in KeyCache; empty: none
  };

  // Called on a thread of the library, without a lock that current() and status() need. They must not call Check, and
  // what they use must stay until the AccessFile is destroyed; `keys_failed`, which comes from the threads that fetch
  // keys, must own what it uses, because it may be called a little later. All may be empty.
  struct Callbacks {
    // What current() returns is new. For running sessions: ask the policy again.
    std::function<void(const std::shared_ptr<const AccessSnapshot>&)> changed;
    // A file has changed and is invalid: the reason, with FILE:LINE. Called once for each such change.
    std::function<void(const absl::Status&)> invalid;
    // The keys of an issuer could not be fetched, or not be kept on disk. At most once per minute and issuer.
    std::function<void(const absl::Status&)> keys_failed;
  };

  // What tests replace.
  struct Environment {
    FetchKeys fetch = FetchOverHttp;
    Clock clock = absl::Now;
  };

  // Reads the files, and starts a thread that looks for changes each second. INVALID_ARGUMENT, NOT_FOUND or the like,
  // with FILE:LINE if a line is to blame, if they cannot be used; RESOURCE_EXHAUSTED if the system has no thread left.
  // Blocks while the disk does, but does not wait for keys from a URL.
  static absl::StatusOr<std::unique_ptr<AccessFile>> Open(const Paths& paths, Callbacks callbacks,
                                                          Environment environment);
  static absl::StatusOr<std::unique_ptr<AccessFile>> Open(const Paths& paths, Callbacks callbacks) {
    return Open(paths, std::move(callbacks), Environment());
  }

  // Waits for a callback that is running.
  ~AccessFile();
  AccessFile(const AccessFile&) = delete;
  AccessFile& operator=(const AccessFile&) = delete;

  // Threads: any. Does not block. Never nullptr. A caller keeps it for one decision, not longer.
  std::shared_ptr<const AccessSnapshot> current() const;

  // OK if current() is what the files say; otherwise what is wrong with them. Threads: any. Does not block.
  absl::Status status() const;

  // Looks for changes now. A change is taken by the second call that sees the same text, so two calls are needed for
  // one that was just made. Threads: any, but not from a callback. Blocks while the disk does.
  void Check();

 private:
  class Files;
  AccessFile(std::unique_ptr<Files> files, Callbacks callbacks);
  void Run();

  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace probegate
