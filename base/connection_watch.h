// Notices when connections end that a library has taken over, and ends those that it should not serve any longer.
//
// gRPC gets the sockets that this project accepts (base/accept_loop.h), but does not say when it has closed one. The
// watch therefore keeps a duplicate of each, whose state it sees: a library shuts a socket down before it closes it. So
// a place in a quota is given back exactly when its connection ends, and shutting the duplicate down ends the
// connection.
//
// Threads: the watch has one of its own. All functions may be called from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <thread>

#include "absl/status/statusor.h"
#include "base/file_descriptor.h"
#include "base/mutex.h"
#include "base/peer.h"
#include "base/quota.h"

namespace probegate {

class ConnectionWatch {
 public:
  // What the watch knows about a connection.
  struct Connection {
    Peer peer;
    Quota::Grant place;           // given back when the connection ends
    std::function<void()> ended;  // called then, on the watch's thread; must not block
  };

  // RESOURCE_EXHAUSTED if the system has no thread or file left.
  static absl::StatusOr<std::unique_ptr<ConnectionWatch>> Start();
  // Forgets all connections, without ending them; `ended` is not called.
  ~ConnectionWatch();
  ConnectionWatch(const ConnectionWatch&) = delete;
  ConnectionWatch& operator=(const ConnectionWatch&) = delete;

  // Watches `socket`, whose ownership stays with the caller, who may pass it on. False if the system has no file left;
  // the connection is then given back: its place is free, and `ended` is not called.
  bool Add(int socket, Connection connection);

  // How many connections have not ended.
  size_t size() const;

  // Calls `visit` for each connection that has not ended: with a number that no other connection gets, the duplicate of
  // its socket, and its peer. `visit` must not block or call the watch.
  void ForEach(const std::function<void(uint64_t number, int socket, const Peer& peer)>& visit) const;

 private:
  struct Watched {
    FileDescriptor socket;  // the duplicate
    Connection connection;
  };

  ConnectionWatch();
  absl::Status Open();
  void Run();
  void End(uint64_t number);

  FileDescriptor poll_;
  FileDescriptor wake_;
  mutable Mutex mutex_;
  uint64_t last_ ABSL_GUARDED_BY(mutex_) = 0;  // 0 stands for wake_ in the poll
  std::map<uint64_t, Watched> connections_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace probegate
