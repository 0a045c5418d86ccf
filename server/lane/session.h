// One user's session on one probe: the handle with which server/grpc/ and server/sessions/ use a lane.
//
// What a session owns of the probe (opens, connects, its lock, power requests, nRESET, its clock, its view of SELECT,
// CSW and TAR) is kept by the lane, and is given back when the session ends: when its owner drops it, or when something
// else ends it. server/lane/lane_member.h has the states in between.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "base/session_name.h"
#include "probegate/v1/debug_probe.pb.h"
#include "probegate/v1/probe_directory.pb.h"
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
  // With whom the session shares its turns on the probe. Sessions with the same key belong to one client: an address
  // (Peer::client), or an identity.
  std::string key;
  // Who has opened it, and whether something proves that it is nobody else of its machine or network.
  v1::ClientIdentity identity;
  bool proved = false;
  // For how long it may hold the lock while others wait; nothing: for LaneOptions::lock_max.
  std::optional<std::chrono::seconds> lock_max;
};

// What a session has written to the target's memory with commands for memory. Writes to the registers of a MEM-AP are
// not in it.
struct WrittenMemory {
  uint64_t bytes = 0;
  uint64_t first = UINT64_MAX;  // the lowest address
  uint64_t last = 0;            // the highest
};

// The state of a session, for lists and messages.
struct SessionSnapshot {
  std::string name;
  std::string probe;  // unique ID
  v1::ClientInfo client;
  std::string peer;        // SessionOwner::peer
  std::string client_key;  // SessionOwner::key
  v1::ClientIdentity identity;
  bool proved = false;                           // SessionOwner::proved
  std::optional<std::chrono::seconds> lock_max;  // SessionOwner::lock_max
  std::chrono::system_clock::time_point opened_at;
  std::chrono::system_clock::time_point last_command_at;
  bool has_open = false;
  bool is_connected = false;
  bool holds_lock = false;
  bool waits_for_lock = false;
  uint64_t command_count = 0;
  uint64_t lock_count = 0;  // how often it has taken the lock; nested locks are not counted
  WrittenMemory written;
};

// "session 3f2a… of pyocd at 10.0.0.7:51234", with " via 10.0.0.2:40112" if the gateway there says so, and
// " as token:bench-1" if that identity is proved: how error messages and logs name a session.
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

  // For all but its owner, such as a user who ends another user's session: what is on the wire is answered, what is
  // queued is answered with `end.why`, then the end callback is called. Does nothing to a session that has ended
  // already.
  void End(const SessionEnd& end);

  SessionSnapshot snapshot() const;
  const SessionId& id() const { return id_; }
  const Lane& lane() const { return *lane_; }

 private:
  const SessionId id_;
  const std::shared_ptr<Lane> lane_;
  const std::shared_ptr<LaneMember> member_;
};

}  // namespace probegate
