#include <stdexcept>

#include "tests/bench/load.h"
#include "tests/bench/sockets.h"

namespace probegate::bench {
namespace {

using Clock = std::chrono::steady_clock;

// OpenOCD's framing of CMSIS-DAP packets on TCP: u32 signature, u16 length, u8 type, u8 zero, little endian.
constexpr size_t kHeaderSize = 8;

std::string Frame(std::string_view packet) {
  std::string frame("\x44\x41\x50\x00", 4);
  frame += {static_cast<char>(packet.size()), '\0', '\1', '\0'};
  frame += packet;
  return frame;
}

// Sends a packet, and returns the packet in the reply.
std::string Exchange(const Socket& socket, std::string_view packet, size_t reply_size) {
  socket.SendAll(Frame(packet));
  return socket.ReceiveExactly(kHeaderSize + reply_size).substr(kHeaderSize);
}

// CMSIS-DAP 2.1: DAP_Connect (SWD); DAP_SWJ_Sequence for line reset, JTAG to SWD, line reset, idle.
void Wake(const Socket& socket) {
  using namespace std::string_view_literals;
  constexpr std::string_view kLineReset = "\x12\x33\xff\xff\xff\xff\xff\xff\xff"sv;
  Exchange(socket, "\x02\x01"sv, 2);
  Exchange(socket, kLineReset, 2);
  Exchange(socket, "\x12\x10\x9e\xe7"sv, 2);
  Exchange(socket, kLineReset, 2);
  Exchange(socket, "\x12\x08\x00"sv, 2);
}

}  // namespace

Latencies PacketLatency(const Address& address, size_t count) {
  using namespace std::string_view_literals;
  // DAP_Transfer, one transfer: read DP register 0. The reply: command, count, acknowledge, four bytes.
  constexpr std::string_view kReadDpidr = "\x05\x00\x01\x02"sv;
  constexpr std::string_view kDone = "\x05\x01\x01"sv;
  constexpr size_t kReplySize = 7;
  const Socket socket(address);
  Wake(socket);
  Latencies latencies;
  latencies.reserve(count);
  while (latencies.size() < count) {
    const auto start = Clock::now();
    const std::string reply = Exchange(socket, kReadDpidr, kReplySize);
    latencies.push_back(Clock::now() - start);
    if (!reply.starts_with(kDone)) throw std::runtime_error("the transfer failed");
  }
  return latencies;
}

}  // namespace probegate::bench
