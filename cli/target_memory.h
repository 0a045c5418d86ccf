// A target's memory, through a session of this program's own that lasts as long as the object.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cli/server_client.h"

namespace probegate {

class TargetMemory {
 public:
  // Opens and connects the probe (a unique id or part of one; empty where there is only one), and finds the MEM-AP:
  // `ap` is an APSEL up to 255, the address of an ADIv6 AP above. Throws a Failure where that cannot be.
  TargetMemory(ServerClient& server, const v1::ClientInfo& client, const std::string& probe, uint32_t ap);
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

  ServerClient& server_;
  grpc::ClientContext context_;
  std::unique_ptr<Stream> stream_;
  bool finished_ = false;
  std::string probe_;
  uint32_t handle_ = 0;
};

}  // namespace probegate
