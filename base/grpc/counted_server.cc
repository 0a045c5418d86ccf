#include "base/grpc/counted_server.h"

#include <cstdlib>
#include <string>

#include <grpc/grpc.h>
#include <grpc/support/alloc.h>
#include <nlohmann/json.hpp>

#include "base/mutex.h"

namespace probegate {
namespace {

using Json = nlohmann::json;

// Takes an answer of channelz; discarded (is_discarded) if there is none.
Json Parsed(char* answer) {
  if (answer == nullptr) return Json(Json::value_t::discarded);
  Json json = Json::parse(answer, nullptr, /*allow_exceptions=*/false);
  gpr_free(answer);
  return json;
}

// 64-bit numbers are strings (Protobuf's JSON mapping), and left out if they are 0.
int64_t Number(const Json& json, const char* name) {
  return std::strtoll(json.value(name, std::string("0")).c_str(), nullptr, 10);
}

// The id of the server that was started last, if that is at least `first`; otherwise `first`.
intptr_t NewestServer(intptr_t first) {
  for (intptr_t newest = first;;) {
    const Json page = Parsed(grpc_channelz_get_servers(newest));
    if (!page.is_object()) return newest;
    for (const Json& server : page.value("server", Json::array())) newest = Number(server.at("ref"), "serverId");
    if (page.value("end", false)) return newest;
    ++newest;
  }
}

}  // namespace

CountedServer StartCounted(grpc::ServerBuilder& builder) {
  // gRPC does not tell which id a server gets, but ids only increase.
  static Mutex mutex;
  static intptr_t last = 0;
  MutexLock lock(mutex);
  CountedServer started{.server = builder.BuildAndStart()};
  if (started.server != nullptr) started.id = last = NewestServer(last);
  return started;
}

int64_t OpenCalls(intptr_t id) {
  const Json answer = Parsed(grpc_channelz_get_server(id));
  if (!answer.is_object()) return 0;
  const Json& data = answer.at("server").at("data");
  return Number(data, "callsStarted") - Number(data, "callsSucceeded") - Number(data, "callsFailed");
}

}  // namespace probegate
