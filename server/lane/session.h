// One user's session on one probe: the handle with which server/grpc/ and server/sessions/ use a lane.
//
// What a session owns of the probe (opens, connects, its lock, power requests, nRESET, its clock, its view of SELECT,
// CSW and TAR) is kept by the lane, and is given back when the session ends: when its owner drops it, or when something
// else ends it. server/lane/lane_member.h has the states in between.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "base/session_name.h"
#include "probegate/v1/debug_probe.pb.h"
#include "server/sharing/session_end.h"

namespace probegate {

class Lane;
class LaneMember;

// Answers one command. The response carries the request's id, and an ErrorDetail if the command failed.
using ReplyCallback = absl::AnyInvocable<void(v1::StreamResponse)>;

// 128 random bits in hexadecimal: anyone who knows them can use the session. Its name (base/session_name.h) is public.
class SessionId {
 public:
  // From the system's random number generator.
  static SessionId Random();

  const std::string& secret() const { return secret_; }
  std::string name() const { return SessionName(secret_); }

 private:
  explicit SessionId(std::string secret) : secret_(std::move(secret)) {}
  std::string secret_;
};

// Asked before a command is carried out: true if its client has given up waiting for the answer, so that it must not
// run. Called with the lane's mutex held: it must be quick and call nothing back.
using AbandonedCheck = absl::AnyInvocable<bool() const>;

// Whose session it is.
struct SessionOwner {
  // What the client says of itself. Its peer_address is that of its connection, unless a trusted gateway says another.
  v1::ClientInfo client;
  std::string peer;  // the address of the connection, as the kernel sees it
  // With whom the session shares its turns on the probe (Peer::client). Sessions with the same key belong to one
  // client.
  std::string key;
};

// The state of a session, for lists and messages.
struct SessionSnapshot {
  std::string name;
  std::string probe;  // unique ID
  v1::ClientInfo client;
  std::string peer;        // SessionOwner::peer
  std::string client_key;  // SessionOwner::key
  std::chrono::system_clock::time_point opened_at;
  std::chrono::system_clock::time_point last_command_at;
  bool has_open = false;
  bool is_connected = false;
  bool holds_lock = false;
  bool waits_for_lock = false;
  uint64_t command_count = 0;
};

// "session 3f2a… of pyocd at 10.0.0.7:51234", with " via 10.0.0.2:40112" if the gateway there says so: how error
// messages and logs name a session.
std::string DescribeClient(const SessionSnapshot& session);

// Threads: any. Nothing here blocks.
class Session {
 public:
  using EndCallback = absl::AnyInvocable<void(const SessionEnd& end)>;

  // Made by Lane::OpenSession.
  Session(SessionId id, std::shared_ptr<Lane> lane, std::shared_ptr<LaneMember> member);

  // Calls Leave.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Queues a command, after the commands that are posted with it. `done` is called exactly once, unless the session is
  // dropped first: with the command's answer or, if there are posted ones only, when the last of them is over. If the
  // session was ended by anything but its owner, it is called at once, with the reason, whether or not its owner has
  // left since. The oneof must hold a command other than open_session; a request without one is answered with
  // kInvalidArgument. A command that is abandoned when its turn comes is answered with CANCELLED, and not carried out.
  void Submit(v1::StreamRequest request, ReplyCallback done, AbandonedCheck abandoned = nullptr);

  // For its owner: gives back everything. Queued commands are dropped without an answer, and so is the one on the wire.
  // Once this has returned, neither the callbacks of its commands nor the end callback are called any more, except for
  // the commands that the lane's thread has carried out and is answering just then. If another thread still has a
  // pointer to the session, that keeps none of this alive.
  void Leave();

  // For a user who ends another user's session (kKicked): what is on the wire is answered, what is queued is answered
  // with `why`, then the end callback is called. Does nothing to a session that has ended already.
  void End(const absl::Status& why);

  SessionSnapshot snapshot() const;
  const SessionId& id() const { return id_; }
  const Lane& lane() const { return *lane_; }

 private:
  const SessionId id_;
  const std::shared_ptr<Lane> lane_;
  const std::shared_ptr<LaneMember> member_;
};

}  // namespace probegate
