// Finds out who makes a call.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "access/access_snapshot.h"
#include "access/clock.h"
#include "access/credentials.h"
#include "access/identity.h"

namespace probegate {

// The name of the user, if the system knows it. May block while the system looks it up (nsswitch.conf).
std::optional<std::string> UserName(uid_t uid);

// Threads: any. Identify blocks only in `user_name`; everything else is computed, in less than a millisecond.
class Authenticator {
 public:
  struct Settings {
    // What a connection in the clear from another machine, or over TLS, is that proves nothing: an anonymous identity,
    // or an error. True is for programs that let everyone in anyway: without an access file, or with --insecure. No
    // rule names an anonymous identity, so with an access file it has no rights.
    bool allow_anonymous = false;
    Clock clock = absl::Now;
    std::function<std::optional<std::string>(uid_t)> user_name = UserName;
  };

  explicit Authenticator(Settings settings) : settings_(std::move(settings)) {}

  // The identity that `credentials` prove, by what `access` knows (AccessFile::current). The first that is there
  // counts:
  //   1. the bearer token. If it is wrong, that is an error, whatever else there is. It is an error over kClear, too,
  //      because everyone on the way could have read it: the client should replace it;
  //   2. the certificate: its SPIFFE ID (a URI beginning with spiffe://, of which it must have exactly one), otherwise
  //      its first DNS name in lower case, otherwise its first e-mail address, otherwise its common name;
  //   3. on loopback and a Unix socket, the user: "local:NAME", "local:#UID" if the user has no name, "local" if the
  //      kernel does not tell the user;
  //   4. nothing: anonymous, or an error, as the settings say.
  // UNAUTHENTICATED, with what is wrong and what to do, or UNAVAILABLE: the client should try again in a moment,
  // because the keys of the token's issuer are being fetched. A message never has a part of a token.
  absl::StatusOr<Identity> Identify(const AccessSnapshot& access, const Credentials& credentials) const;

 private:
  absl::StatusOr<Identity> FromToken(const AccessSnapshot& access, const std::string& token) const;
  Identity FromUser(std::optional<uid_t> uid) const;

  const Settings settings_;
};

}  // namespace probegate
