// DAP_Info: what the probe reports about itself.
#pragma once

#include <string_view>

#include "sim/cmsis_dap/message.h"

namespace probegate::sim {

// A command handler (message.h). `streams_swo`: whether the capabilities include an endpoint that streams SWO.
bool AnswerInfo(std::string_view serial, bool streams_swo, RequestReader& request, ReplyWriter& reply);

}  // namespace probegate::sim
