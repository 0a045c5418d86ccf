#include <grpcpp/grpcpp.h>

#include <fstream>
#include <sstream>
#include <stdexcept>

#include "probegate/v1/debug_probe.grpc.pb.h"
#include "probegate/v1/probe_directory.grpc.pb.h"
#include "tests/bench/load.h"

namespace probegate::bench {
namespace {

using Clock = std::chrono::steady_clock;
// Registers of the DP, and of AP 0 (ADIv5.2).
constexpr uint32_t kAbort = 0x0;
constexpr uint32_t kCtrlStat = 0x4;
constexpr uint64_t kCsw = 0x0;
constexpr uint64_t kTar = 0x4;
constexpr uint64_t kDrw = 0xC;

using CommandStream = grpc::ClientReaderWriter<v1::StreamRequest, v1::StreamResponse>;

std::string FirstProbe(const std::shared_ptr<grpc::Channel>& channel) {
  grpc::ClientContext context;
  v1::ListProbesResponse response;
  const auto stub = v1::ProbeDirectory::NewStub(channel);
  if (!stub->ListProbes(&context, v1::ListProbesRequest(), &response).ok() || response.probes().empty()) {
    throw std::runtime_error("the server has no probes");
  }
  return response.probes(0).description().unique_id();
}

void Call(CommandStream& stream, const v1::StreamRequest& request) {
  v1::StreamResponse response;
  if (!stream.Write(request) || !stream.Read(&response)) throw std::runtime_error("the stream ended");
  if (response.has_error()) throw std::runtime_error(response.error().message());
}

void Sequence(CommandStream& stream, uint32_t bit_count, std::string bits) {
  v1::StreamRequest request;
  request.mutable_swj_sequence()->set_bit_count(bit_count);
  request.mutable_swj_sequence()->set_bits(std::move(bits));
  Call(stream, request);
}

void Attach(CommandStream& stream, const std::string& probe) {
  v1::StreamRequest request;
  request.mutable_open_session()->set_probe(probe);
  Call(stream, request);
  request.mutable_open();
  Call(stream, request);
  request.mutable_connect()->set_protocol(v1::WIRE_PROTOCOL_SWD);
  Call(stream, request);
  Sequence(stream, 51, std::string(7, '\xff'));
  Sequence(stream, 16, "\x9e\xe7");
  Sequence(stream, 51, std::string(7, '\xff'));
  Sequence(stream, 8, std::string(1, '\0'));
}

void WriteDp(CommandStream& stream, uint32_t address, uint32_t value) {
  v1::StreamRequest request;
  request.mutable_write_dp()->set_address(address);
  request.mutable_write_dp()->set_value(value);
  Call(stream, request);
}

void WriteAp(CommandStream& stream, uint64_t address, uint32_t value) {
  v1::StreamRequest request;
  request.mutable_write_ap()->set_address(address);
  request.mutable_write_ap()->set_value(value);
  Call(stream, request);
}

v1::StreamRequest ReadDpidr() {
  v1::StreamRequest request;
  request.mutable_read_dp()->set_address(0);
  return request;
}

// Powers the target up, and makes AP 0 access words from the beginning of RAM.
void PrepareMemory(CommandStream& stream) {
  Call(stream, ReadDpidr());
  WriteDp(stream, kAbort, 0x1e);
  WriteDp(stream, kCtrlStat, 0x50000000);
  WriteAp(stream, kCsw, 0x23000052);
  WriteAp(stream, kTar, 0x20000000);
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file || text.str().empty()) throw std::runtime_error("cannot read " + path);
  return text.str();
}

std::shared_ptr<grpc::ChannelCredentials> Credentials(const StreamTarget& target) {
  if (target.tls_ca.empty()) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions files{.pem_root_certs = ReadFile(target.tls_ca)};
  if (!target.tls_cert.empty()) {
    files.pem_private_key = ReadFile(target.tls_key);
    files.pem_cert_chain = ReadFile(target.tls_cert);
  }
  return grpc::SslCredentials(files);
}

std::shared_ptr<grpc::Channel> Open(const StreamTarget& target) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  return grpc::CreateCustomChannel(target.target, Credentials(target), arguments);
}

// Makes the request so many times, on a stream that `prepare` has prepared.
Latencies Measure(const StreamTarget& target, void (*prepare)(CommandStream& stream), const v1::StreamRequest& request,
                  size_t warm_up, size_t count) {
  const auto channel = Open(target);
  const std::string probe = FirstProbe(channel);
  grpc::ClientContext context;
  const auto stream = v1::DebugProbe::NewStub(channel)->Stream(&context);
  Attach(*stream, probe);
  prepare(*stream);
  for (size_t i = 0; i < warm_up; ++i) Call(*stream, request);
  Latencies latencies;
  latencies.reserve(count);
  while (latencies.size() < count) {
    const auto start = Clock::now();
    Call(*stream, request);
    latencies.push_back(Clock::now() - start);
  }
  stream->WritesDone();
  const grpc::Status status = stream->Finish();
  if (!status.ok()) throw std::runtime_error("the stream ended: " + status.error_message());
  return latencies;
}

}  // namespace

Latencies StreamLatency(const StreamTarget& target, size_t count) {
  return Measure(target, [](CommandStream&) {}, ReadDpidr(), 100, count);
}

Latencies StreamBlocks(const StreamTarget& target, size_t words, size_t count) {
  v1::StreamRequest read;
  read.mutable_read_ap_multiple()->set_address(kDrw);
  read.mutable_read_ap_multiple()->set_count(static_cast<uint32_t>(words));
  return Measure(target, PrepareMemory, read, 5, count);
}

}  // namespace probegate::bench
