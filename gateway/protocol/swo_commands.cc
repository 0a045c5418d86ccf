#include "gateway/json/json_writer.h"
#include "gateway/protocol/commands.h"

namespace probegate::commands {

void HasSwo(Call& call) { call.request.mutable_has_swo(); }
bool HasSwoResult(const v1::StreamResponse& response, std::string& out) {
  AppendBool(out, response.has_swo().has_swo());
  return true;
}

void SwoStart(Call& call, U32<"baudrate"> baudrate) { call.request.mutable_swo_start()->set_baudrate(baudrate.value); }
void SwoStop(Call& call) { call.request.mutable_swo_stop(); }
void SwoRead(Call& call) { call.request.mutable_swo_read(); }
bool SwoReadResult(const v1::StreamResponse& response, std::string& out) {
  AppendBytes(out, response.swo_read().data());
  return true;
}

}  // namespace probegate::commands
