// Accepts the connections of all of a program's listeners: gRPC, the remote protocol, metrics.
//
// Each listener has a quota of connections (base/quota.h): so many in all, and so many of one client. A connection that
// does not fit is reset at once, before anything is read from it, and costs no memory. If the system has no file
// descriptor left, the loop uses one that it holds in reserve to accept and reset the waiting connections, so that
// clients are told and nothing waits for ever, and pauses before it goes on. It never stops accepting.
//
// Threads: the loop has one of its own. Listen may be called from any thread. Handlers and observers are called on the
// loop's thread and must not block.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "base/address_range.h"
#include "base/endpoint.h"
#include "base/file_descriptor.h"
#include "base/mutex.h"
#include "base/peer.h"
#include "base/quota.h"
#include "base/socket.h"

namespace probegate {

// The key of the program's own connections, which no client has.
inline constexpr char kOwnClient[] = "this program";

// A connection that was just accepted. The socket is non-blocking and closed on exec.
struct AcceptedConnection {
  FileDescriptor socket;
  Peer peer;
  Quota::Grant place;  // to be kept for as long as the connection exists
  bool own = false;    // it is the program's own: Listener::Expect announced it, or the kernel says so (unix sockets)
};

// What happens to connections that no handler sees. `listener` is the name given to Listen.
class AcceptObserver {
 public:
  virtual ~AcceptObserver() = default;
  // A connection was reset because its address or its user is not allowed, or because it exceeds the quota of
  // connections; `why` says which, and whose limit it is.
  virtual void OnRefused(const std::string& listener, const Peer& peer, std::string_view why) = 0;
  // A connection could not be accepted: `error` is the value of errno, usually EMFILE or ENFILE.
  virtual void OnAcceptFailed(const std::string& listener, int error) = 0;
};

class AcceptLoop {
 public:
  using Handler = std::function<void(AcceptedConnection)>;
  // Instead of resetting a connection that exceeds the quota: may answer it first. `place` is empty.
  using RefusedHandler = std::function<void(AcceptedConnection, const absl::Status& why)>;

  // Starts the thread. `observer` must outlive the loop. RESOURCE_EXHAUSTED if the system has no thread or file left.
  static absl::StatusOr<std::unique_ptr<AcceptLoop>> Start(AcceptObserver& observer);
  // Ends the thread. All listeners must have been destroyed.
  ~AcceptLoop();
  AcceptLoop(const AcceptLoop&) = delete;
  AcceptLoop& operator=(const AcceptLoop&) = delete;

  // Connections are accepted for as long as this object lives. When the destructor returns, the handler is not running
  // and will not be called any more; it must therefore not be called by the handler itself.
  class Listener {
   public:
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    // Where it listens. If port 0 was requested, the port is the actual one.
    const Endpoint& endpoint() const { return endpoint_; }

    // The next connection from this address is accepted whatever the quota says: for the program's own check of
    // whether it still accepts. It shares nothing with any client: its Peer::client is kOwnClient. `from` is numeric.
    void Expect(const Endpoint& from);

   private:
    friend class AcceptLoop;
    struct State;
    Listener(AcceptLoop& loop, Endpoint endpoint, std::list<State>::iterator state)
        : loop_(loop), endpoint_(std::move(endpoint)), state_(state) {}
    AcceptLoop& loop_;
    const Endpoint endpoint_;
    const std::list<State>::iterator state_;
  };

  struct Listening {
    std::string name;             // for the observer, such as "gRPC"
    Quota& connections;           // must outlive all connections of the listener
    Handler handler;              // is given each connection
    RefusedHandler refused = {};  // if null, connections that exceed the quota are reset
    std::string group = {};       // of the file of a unix socket (base/unix_socket.h)
    // Connections from other addresses are reset, before they count. Empty: all addresses are allowed.
    std::vector<AddressRange> allow_from = {};
    // Connections of other users' programs are reset, before they count, and so are those of other machines
    // (base/socket_owner.h). For TCP.
    bool own_user_only = false;
  };
  // Listens on all addresses that `at` stands for, or at the path of a unix socket. An empty host stands for all
  // addresses of this machine, and so does
  // "::"; "0.0.0.0" stands for its IPv4 addresses. Blocks while a name is looked up. UNAVAILABLE, with the system's
  // reason alone as the message, if it cannot listen on one of them, for instance because the port is already in use.
  absl::StatusOr<std::unique_ptr<Listener>> Listen(const Endpoint& at, Listening listening);

 private:
  explicit AcceptLoop(AcceptObserver& observer);
  absl::Status Open();
  void Run();
  void Wake();
  bool AcceptAll(int socket) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Admit(Listener::State& state, AcceptedConnection connection) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void UseReserve(int socket) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  AcceptObserver& observer_;
  FileDescriptor poll_;
  FileDescriptor wake_;

  // Held while handlers run, so that a Listener's destructor waits for them. Handlers do not call back into the loop.
  Mutex mutex_;
  std::unique_ptr<FileDescriptor> reserve_ ABSL_GUARDED_BY(mutex_);  // to accept with if there is no other left
  std::list<Listener::State> listeners_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread thread_;
};

// Closes `socket` so that its peer gets a reset, and nothing of the connection remains here.
void ResetConnection(FileDescriptor socket);

}  // namespace probegate
