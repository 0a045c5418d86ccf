// The keys of an issuer that publishes them at a URL.
//
// They are fetched on a thread of their own: at the start, every hour, and when a token names a key that is not among
// them, which means that the issuer has a new key. Tokens are made by clients, so that is done at most once a minute.
// If they cannot be fetched, the thread tries again every minute, and the last ones are used until they are a day old.
// A key that the issuer has withdrawn is therefore accepted for at most an hour, or for a day if the issuer cannot be
// reached.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "access/clock.h"
#include "access/issuer_keys.h"
#include "access/issuer_settings.h"

namespace probegate {

// Fetches the keys of `issuer`, on the thread of FetchedKeys; may block, but should return soon after `cancelled`
// returns true.
using FetchKeys =
    std::function<absl::StatusOr<std::string>(const IssuerSettings& issuer, const std::function<bool()>& cancelled)>;

// What programs use: HttpGet.
absl::StatusOr<std::string> FetchOverHttp(const IssuerSettings& issuer, const std::function<bool()>& cancelled);

class FetchedKeys : public IssuerKeys {
 public:
  struct Environment {
    FetchKeys fetch;
    Clock clock;
    std::string cache_folder;                         // as in KeyCache
    std::function<void(const absl::Status&)> failed;  // the keys, or the copy on disk, are not up to date
  };

  // Starts with the copy on disk, if it is less than a day old. The functions of `environment` are called on the
  // thread, which may outlive this object by as long as `fetch` takes, so they must own what they use.
  // If the system has no thread left, Get fails until it is called when there is one.
  FetchedKeys(IssuerSettings issuer, Environment environment);
  // Does not block.
  ~FetchedKeys() override;

  absl::StatusOr<std::shared_ptr<const JwkSet>> Get(std::string_view kid) override;

  static constexpr absl::Duration kRefreshAfter = absl::Hours(1);
  static constexpr absl::Duration kUnusableAfter = absl::Hours(24);
  static constexpr absl::Duration kAskAgainAfter = absl::Minutes(1);

 private:
  struct State;
  const std::shared_ptr<State> state_;
};

}  // namespace probegate
