// What the load client can do to a server, each measured from outside as a client sees it.
//
// A load runs in the calling thread until it is done, and throws std::runtime_error where the other side refuses,
// answers an error, or goes away: a measurement with an error in it is of no use.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace probegate::bench {

struct Address {
  std::string host;
  uint16_t port = 0;
};

using Microseconds = std::chrono::duration<double, std::micro>;

// Times of one request after the other, in the order in which they were sent.
using Latencies = std::vector<Microseconds>;

struct Throughput {
  size_t requests = 0;
  std::chrono::duration<double> elapsed{};
};

// The remote probe protocol (JSON lines), `read_dp` of DPIDR throughout.
//
// Latency: one request after the other. Pipeline: `depth` requests in one write, then all replies, again and again.
// Concurrent: `clients` connections, each with one request after the other, for `duration`.
Latencies JsonLatency(const Address& address, size_t count);
Throughput JsonPipeline(const Address& address, size_t depth, size_t batches);
Throughput JsonConcurrent(const Address& address, size_t clients, std::chrono::milliseconds duration);

// Opens `clients` connections at once, says hello and opens the probe on each, and answers when each had both replies,
// counted from the first connect.
Latencies JsonConnectAtOnce(const Address& address, size_t clients);

// A gRPC stream of probegate.v1.DebugProbe, ReadDp of DPIDR, one after the other.
Latencies StreamLatency(const Address& address, size_t count);

// CMSIS-DAP packets over TCP: a DAP_Transfer that reads DPIDR, one after the other.
Latencies PacketLatency(const Address& address, size_t count);

}  // namespace probegate::bench
