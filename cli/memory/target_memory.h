// A target's memory, through a session of this program's own that lasts as long as the object.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cli/servers/server_client.h"
#include "cli/servers/waiting.h"

namespace probegate {

class TargetMemory {
 public:
  // Opens and connects the probe, a unique id, and finds the MEM-AP:
  // `ap` is an APSEL up to 255, the address of an ADIv6 AP above. Throws a Failure where that cannot be, here and below
  // also when an answer takes longer than `timeout`. When one takes longer than two seconds, a line on standard error
  // says who holds the probe's lock.
  TargetMemory(ServerClient& server, const v1::ClientInfo& client, const std::string& probe, uint32_t ap,
               std::chrono::seconds timeout);
  ~TargetMemory();
  TargetMemory(const TargetMemory&) = delete;
  TargetMemory& operator=(const TargetMemory&) = delete;

  // The unique id of the probe.
  const std::string& probe() const { return probe_; }

  // `count` values of `width` bits (8, 16 or 32), each with an access of that width.
  std::vector<uint32_t> Read(uint64_t address, uint64_t count, unsigned width);
  void Write(uint64_t address, const std::vector<uint32_t>& values, unsigned width);
  // Any bytes, with whatever accesses are fast.
  void WriteBytes(uint64_t address, const std::string& bytes);

 private:
  using Stream = grpc::ClientReaderWriter<v1::StreamRequest, v1::StreamResponse>;

  void Send(v1::StreamRequest request);
  v1::StreamResponse Receive();
  v1::StreamResponse Ask(v1::StreamRequest request);
  [[noreturn]] void Lost();
  // Who holds the lock of the probe, or empty.
  std::string Holder() const;
  void Explain() const;

  ServerClient& server_;
  const std::string wanted_;  // what names the probe
  const std::chrono::seconds timeout_;
  grpc::ClientContext context_;
  std::unique_ptr<Stream> stream_;
  bool finished_ = false;
  std::string probe_;
  uint32_t handle_ = 0;
  Waiting waiting_;  // the last: its thread uses the others
};

}  // namespace probegate
