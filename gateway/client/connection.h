// One client of the remote protocol: its socket, from which lines are read and to which replies are written.
//
// Beyond the bounds of what is under way and of what is held (gateway/client/connection_options.h) the client's socket
// is not read: TCP tells the client.
//
// How a connection ends (docs/protocol.md): after the client's FIN everything it sent is answered, then the socket is
// closed in the usual way. After a reset, or when the peer is dead, the session ends at once. If the gateway ends it,
// what waits is answered with status 2 and, once the client has it all and what was posted is done, the connection is
// reset: pyOCD spins for ever on a FIN.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/client/client_record.h"
#include "gateway/client/connection_options.h"
#include "gateway/client/reply_writer.h"
#include "gateway/client/request_handler.h"
#include "gateway/fleet/served_probe.h"
#include "gateway/net/net.h"
#include "gateway/protocol/line_framer.h"
#include "telemetry/log.h"

namespace probegate {

// Threads: Start, Refuse and End from any; the rest runs on the socket's strand. Lives until it has ended.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // `options`, `metrics` and `log` must outlive the connection. `on_closed` is called once, on the strand, at the end.
  Connection(Socket socket, std::string peer, std::shared_ptr<const ServedProbe> probe,
             const ConnectionOptions& options, GatewayMetrics& metrics, Log& log, std::function<void()> on_closed);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void Start();

  // Instead of Start: answers the first request with status 2 and `reason`, and ends.
  void Refuse(std::string reason);

  // Ends the connection from our side: see above.
  void End(std::string reason);

 private:
  Task<> ReadRequests();
  Task<> WatchForReset();
  Task<> LingerThenReset();
  Task<> RefuseFirstRequest(std::string reason);

  bool MayRead() const;
  // The error message for a line that is too long.
  std::string TooLong() const;

  // Sends what the socket takes; with the rest it goes on by itself.
  void Flush();
  void OnProgress();

  void EndNow(std::string_view reason, std::string_view last_error = {});
  void FinishIfDone();
  void Close();

  Socket socket_;
  const ConnectionOptions& options_;
  ClientRecord record_;
  const std::function<void()> on_closed_;

  LineFramer framer_;
  ReplyWriter replies_;
  RequestHandler requests_;
  Timer room_;         // cancelled when there is room for more requests
  bool full_ = false;  // the socket: what waits is written when it takes more

  bool client_finished_ = false;  // its FIN has come
  bool ending_ = false;
  bool closed_ = false;
};

}  // namespace probegate
