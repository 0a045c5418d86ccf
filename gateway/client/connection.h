// One client of the remote protocol: its socket, from which lines are read and to which replies are written.
//
// A connection that does not begin with a line that is a JSON object is reset at once, and nothing of it is carried out
// (gateway/protocol/first_line.h).
//
// While a bound on unanswered requests, unsent replies (gateway/client/connection_options.h) or memory
// (gateway/client/memory_account.h) is reached, the client's socket is not read, and TCP's flow control stops the
// client. A connection that has much to do takes turns with those of other clients (gateway/client/turns.h).
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
#include <optional>
#include <string>
#include <string_view>

#include "base/peer.h"
#include "base/quota.h"
#include "gateway/client/client_bounds.h"
#include "gateway/client/client_record.h"
#include "gateway/client/connection_options.h"
#include "gateway/client/memory_account.h"
#include "gateway/client/reply_writer.h"
#include "gateway/client/request_handler.h"
#include "gateway/client/turns.h"
#include "gateway/fleet/served_probe.h"
#include "gateway/net/net.h"
#include "gateway/protocol/line_framer.h"
#include "telemetry/log.h"

namespace probegate {

// What all connections share. It outlives them, and so does what it refers to.
struct ConnectionContext {
  const ConnectionOptions& options;
  ClientBounds& bounds;
  GatewayMetrics& metrics;
  Log& log;
};

// Threads: Start, Refuse and End may be called from any; everything else runs on the socket's strand. The object keeps
// itself alive until the connection has ended.
class Connection final : public std::enable_shared_from_this<Connection>, private RequestHandler::Client {
 public:
  // A client that has connected.
  struct Accepted {
    Socket socket;
    Peer peer;
    Quota::Grant place;  // given back when the connection has ended
  };

  // `on_closed` is called once, on the strand, at the end.
  Connection(Accepted accepted, std::shared_ptr<const ServedProbe> probe, const ConnectionContext& context,
             std::function<void()> on_closed);
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

  RequestHandler::Room RoomFor(size_t line_bytes, uint64_t cost) override;
  void DropLine() override;
  bool MayWork() override { return turn_.MayWork(); }
  void OnReplies() override { OnProgress(); }

  // Whether more lines may be taken, as far as bounds are concerned.
  bool HasRoom() const { return !awaits_memory_ && requests_.has_room() && replies_.has_room(); }
  bool MayTakeLine() { return HasRoom() && turn_.MayWork(); }
  // The error message for a line that is too long.
  std::string TooLong() const;

  // Whether the connection may begin with this line, or with these first bytes of a line. If not, it is reset.
  bool MayBeginWith(std::string_view line);
  bool MayGoOnAfter(std::string_view bytes);
  void HandleLine();

  // Whether there is memory for the bytes that the framer asks for next. If not, the connection waits for it.
  bool HoldMemoryToRead();
  uint64_t HeldBytes() const;
  void AwaitMemory(uint64_t bytes);
  void SettleMemory() { memory_.Settle(HeldBytes()); }

  void WaitForTurn();
  void WatchFirstLine();
  void WatchLine();
  void WatchReplies();
  uint64_t ReceivedByClient();

  // Writes as much as the socket takes. The rest is written automatically when the socket takes more.
  void Flush();
  void OnProgress();

  // Ends the connection because of what the client did. At once if it was never served.
  void EndClient(ClientEnd why);
  void EndNow(std::string_view reason, std::string_view last_error = {});
  void FinishIfDone();
  // Ends the connection: with a reset, or after the client's FIN and the last reply with a FIN.
  enum class Ending : uint8_t { kReset, kInOrder };
  void Close(Ending ending = Ending::kReset);

  Socket socket_;
  Quota::Grant place_;
  const ConnectionOptions& options_;
  EndedClients& ended_;
  const std::shared_ptr<ClientTurns> turns_;
  const std::string probe_;
  ClientRecord record_;
  const std::function<void()> on_closed_;

  MemoryAccount memory_;
  const std::shared_ptr<void> waits_for_memory_;  // what the quota calls back for; so it never owns the connection
  LineFramer framer_;
  ReplyWriter replies_;
  Turn turn_;
  RequestHandler requests_;

  std::optional<std::string_view> line_;  // the framer's next, which has not been handled
  uint64_t lines_ = 0;                    // that have been handled
  uint64_t wanted_bytes_ = 0;             // by RoomFor when it last refused
  bool awaits_memory_ = false;
  bool reading_ = false;
  Timer room_;         // cancelled when there is room for more requests
  bool full_ = false;  // the socket is full: unsent replies are written when it takes more
  bool progressing_ = false;

  Timer line_timer_;  // of the first line, then of a later one that is not complete
  bool served_ = false;
  bool line_watched_ = false;
  Timer reply_timer_;
  bool replies_watched_ = false;
  uint64_t written_ = 0;  // bytes of replies, into the socket

  bool client_finished_ = false;  // the client's FIN has arrived
  bool ending_ = false;
  bool closed_ = false;
};

}  // namespace probegate
