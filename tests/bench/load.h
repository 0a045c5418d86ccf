// The loads that the load client can put on a server. Each is measured from outside, as a client sees it.
//
// A load runs in the calling thread until it is done. It throws std::runtime_error if the other side refuses, returns
// an error, or disconnects, because a measurement that includes an error is useless.
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

// The times of consecutive requests, in the order in which they were sent.
using Latencies = std::vector<Microseconds>;

struct Throughput {
  size_t requests = 0;
  std::chrono::duration<double> elapsed{};
};

// The remote probe protocol (JSON lines). All requests are `read_dp` of DPIDR.
//
// Latency: one request at a time. Pipeline: `depth` requests in one write, then all replies, repeatedly. Concurrent:
// `clients` connections, each with one request at a time, for `duration`.
Latencies JsonLatency(const Address& address, size_t count);
Throughput JsonPipeline(const Address& address, size_t depth, size_t batches);
Throughput JsonConcurrent(const Address& address, size_t clients, std::chrono::milliseconds duration);

// Opens `clients` connections at once, and sends `hello` and `open` on each. Returns when each had both replies,
// counted from the first connect.
Latencies JsonConnectAtOnce(const Address& address, size_t clients);

// Where a gRPC stream of probegate.v1.DebugProbe goes.
struct StreamTarget {
  std::string target;    // HOST:PORT or unix:/PATH
  std::string tls_ca;    // a PEM file with the authorities that the server's certificate may have; empty: no TLS
  std::string tls_cert;  // PEM files with the client's own certificate and its key; empty: none
  std::string tls_key;
};

// On such a stream, one request at a time: ReadDp of DPIDR, or ReadApMultiple of `words` words of memory.
Latencies StreamLatency(const StreamTarget& target, size_t count);
Latencies StreamBlocks(const StreamTarget& target, size_t words, size_t count);

// CMSIS-DAP packets over TCP: a DAP_Transfer that reads DPIDR, one packet at a time.
Latencies PacketLatency(const Address& address, size_t count);

}  // namespace probegate::bench
