// A target's memory. The object has its own session on the server, which ends with the object.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/servers/server_client.h"
#include "cli/servers/waiting.h"

namespace probegate {

// The way to a target's memory.
struct MemoryPath {
  uint32_t ap = 0;                   // up to 255 it is an APSEL; a larger number is the address of an ADIv6 AP
  v1::AccessAttributes attributes;   // of all accesses
  std::optional<uint32_t> clock;     // in hertz, to ask for; if another one runs, a line on standard error says so
  std::chrono::seconds timeout{60};  // for each answer
};

class TargetMemory {
 public:
  // Opens and connects the probe with the unique ID `probe`, and finds the MEM-AP. Throws a Failure if that fails. All
  // functions also throw if an answer takes longer than the path's timeout. If an answer takes longer than two seconds,
  // a line on standard error says which session holds the probe's lock.
  TargetMemory(ServerClient& server, const v1::ClientInfo& client, const std::string& probe, const MemoryPath& path);
  ~TargetMemory();
  TargetMemory(const TargetMemory&) = delete;
  TargetMemory& operator=(const TargetMemory&) = delete;

  // The unique ID of the probe.
  const std::string& probe() const { return probe_; }

  // `count` values of `width` bits (8, 16 or 32), each with an access of that width.
  std::vector<uint32_t> Read(uint64_t address, uint64_t count, unsigned width);
  void Write(uint64_t address, const std::vector<uint32_t>& values, unsigned width);
  // Writes any number of bytes, with whatever accesses are fastest.
  void WriteBytes(uint64_t address, const std::string& bytes);

 private:
  using Stream = grpc::ClientReaderWriter<v1::StreamRequest, v1::StreamResponse>;

  void SetClock(uint32_t hertz);
  void Send(v1::StreamRequest request);
  v1::StreamResponse Receive();
  v1::StreamResponse Ask(v1::StreamRequest request);
  [[noreturn]] void Lost();
  // A text that says which session holds the probe's lock; empty if none does.
  std::string Holder() const;
  void Explain() const;

  ServerClient& server_;
  const std::string wanted_;  // the name by which the probe was requested
  const std::chrono::seconds timeout_;
  grpc::ClientContext context_;
  std::unique_ptr<Stream> stream_;
  bool finished_ = false;
  std::string probe_;
  uint32_t handle_ = 0;
  Waiting waiting_;  // last, to be destroyed first: its thread uses the other members
};

}  // namespace probegate
