// One client of the remote protocol: its socket, from which lines are read and to which replies are written.
//
// While a bound on unanswered requests or unsent replies (gateway/client/connection_options.h) is reached, the client's
// socket is not read, and TCP's flow control stops the client.
//
// How a connection ends (docs/protocol.md): After the client's FIN, everything that it sent is answered, and then the
// socket is closed in the usual way. After a reset, or if the peer is dead, the session ends at once. If the gateway
// ends the connection, it answers waiting requests with status 2. When the client has received all replies and the
// posted requests are done, it resets the connection. It sends no FIN, because pyOCD would spin forever on one. For the
// same reason the kernel resets the connection if the gateway is killed (ConfigureSocket).
#pragma once

#include <cstdint>
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

// Threads: Start, Refuse and End may be called from any; everything else runs on the socket's strand. The object keeps
// itself alive until the connection has ended.
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

  // Ends the connection from the gateway's side, as described above.
  void End(std::string reason);

 private:
  Task<> ReadRequests();
  Task<> WatchForReset();
  Task<> LingerThenReset();
  Task<> RefuseFirstRequest(std::string reason);

  bool MayRead() const;
  // The error message for a line that is too long.
  std::string TooLong() const;

  // Writes as much as the socket takes. The rest is written automatically when the socket takes more.
  void Flush();
  void OnProgress();

  void EndNow(std::string_view reason, std::string_view last_error = {});
  void FinishIfDone();
  // Ends the connection: with a reset, or after the client's FIN and the last reply with a FIN.
  enum class Ending : uint8_t { kReset, kInOrder };
  void Close(Ending ending = Ending::kReset);

  Socket socket_;
  const ConnectionOptions& options_;
  ClientRecord record_;
  const std::function<void()> on_closed_;

  LineFramer framer_;
  ReplyWriter replies_;
  RequestHandler requests_;
  Timer room_;         // cancelled when there is room for more requests
  bool full_ = false;  // the socket is full: unsent replies are written when it takes more

  bool client_finished_ = false;  // the client's FIN has arrived
  bool ending_ = false;
  bool closed_ = false;
};

}  // namespace probegate
