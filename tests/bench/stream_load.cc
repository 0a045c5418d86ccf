#include <grpcpp/grpcpp.h>

#include <stdexcept>

#include "probegate/v1/debug_probe.grpc.pb.h"
#include "probegate/v1/probe_directory.grpc.pb.h"
#include "tests/bench/load.h"

namespace probegate::bench {
namespace {

using Clock = std::chrono::steady_clock;
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

}  // namespace

Latencies StreamLatency(const Address& address, size_t count) {
  const auto channel =
      grpc::CreateChannel(address.host + ":" + std::to_string(address.port), grpc::InsecureChannelCredentials());
  const std::string probe = FirstProbe(channel);
  grpc::ClientContext context;
  const auto stream = v1::DebugProbe::NewStub(channel)->Stream(&context);
  Attach(*stream, probe);
  v1::StreamRequest read_dpidr;
  read_dpidr.mutable_read_dp()->set_address(0);
  for (int i = 0; i < 100; ++i) Call(*stream, read_dpidr);
  Latencies latencies;
  latencies.reserve(count);
  while (latencies.size() < count) {
    const auto start = Clock::now();
    Call(*stream, read_dpidr);
    latencies.push_back(Clock::now() - start);
  }
  stream->WritesDone();
  const grpc::Status status = stream->Finish();
  if (!status.ok()) throw std::runtime_error("the stream ended: " + status.error_message());
  return latencies;
}

}  // namespace probegate::bench
