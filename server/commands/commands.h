// The handlers of the commands, with a file for each family, for the rows of server/commands/command_table.cc. The
// families are those of gateway/protocol/commands.h.
//
// A Make… checks the request and turns it into transfers, or says that this one needs Run…; its Finish… fills in the
// response. A Run… does the whole command on the lane's thread. Errors are those of probe/error.h; an invalid request
// is kInvalidArgument, with the value in the message.
#pragma once

#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "probegate/v1/debug_probe.pb.h"
#include "server/sharing/shared_probe.h"
#include "server/sharing/transfer_job.h"

namespace probegate::commands {

using Request = v1::StreamRequest;
using Response = v1::StreamResponse;
using JobOr = absl::StatusOr<std::optional<TransferJob>>;

// session_commands.cc: the session's state and its use of the probe. (The lane itself carries out lock and unlock.)
absl::Status RunGetState(SharedProbe& probe, SessionState& session, const Request& request, Response& response);
absl::Status RunOpen(SharedProbe& probe, SessionState& session, const Request& request, Response& response);
absl::Status RunClose(SharedProbe& probe, SessionState& session, const Request& request, Response& response);

// wire_commands.cc: the wire, its pins and its clock.
absl::Status RunConnect(SharedProbe& probe, SessionState& session, const Request& request, Response& response);
absl::Status RunDisconnect(SharedProbe& probe, SessionState& session, const Request& request, Response& response);
absl::Status RunSwjSequence(SharedProbe& probe, SessionState& session, const Request& request, Response& response);
absl::Status RunSwdSequence(SharedProbe& probe, SessionState& session, const Request& request, Response& response);
absl::Status RunJtagSequence(SharedProbe& probe, SessionState& session, const Request& request, Response& response);
absl::Status RunSetClock(SharedProbe& probe, SessionState& session, const Request& request, Response& response);
absl::Status RunReset(SharedProbe& probe, SessionState& session, const Request& request, Response& response);
absl::Status RunAssertReset(SharedProbe& probe, SessionState& session, const Request& request, Response& response);
absl::Status RunIsResetAsserted(SharedProbe& probe, SessionState& session, const Request& request, Response& response);
absl::Status RunFlush(SharedProbe& probe, SessionState& session, const Request& request, Response& response);
// The protocol as it appears in responses.
v1::WireProtocol ToProto(WireProtocol protocol);

// register_commands.cc: DP and AP registers.
JobOr MakeReadDp(const Request& request);
void FinishReadDp(const TransferJob& job, const Request& request, Response& response);
JobOr MakeWriteDp(const Request& request);
void FinishWriteDp(const TransferJob& job, const Request& request, Response& response);
absl::Status RunWriteDp(SharedProbe& probe, SessionState& session, const Request& request, Response& response);
JobOr MakeReadAp(const Request& request);
void FinishReadAp(const TransferJob& job, const Request& request, Response& response);
JobOr MakeWriteAp(const Request& request);
void FinishWriteAp(const TransferJob& job, const Request& request, Response& response);
JobOr MakeReadApMultiple(const Request& request);
void FinishReadApMultiple(const TransferJob& job, const Request& request, Response& response);
JobOr MakeWriteApMultiple(const Request& request);
void FinishWriteApMultiple(const TransferJob& job, const Request& request, Response& response);

// memory_commands.cc: through a MEM-AP.
absl::Status RunGetMemoryInterface(SharedProbe& probe, SessionState& session, const Request& request,
                                   Response& response);
JobOr MakeReadMem(const Request& request);
void FinishReadMem(const TransferJob& job, const Request& request, Response& response);
JobOr MakeWriteMem(const Request& request);
void FinishWriteMem(const TransferJob& job, const Request& request, Response& response);
JobOr MakeReadBlock32(const Request& request);
void FinishReadBlock32(const TransferJob& job, const Request& request, Response& response);
JobOr MakeWriteBlock32(const Request& request);
void FinishWriteBlock32(const TransferJob& job, const Request& request, Response& response);
JobOr MakeReadBlock8(const Request& request);
void FinishReadBlock8(const TransferJob& job, const Request& request, Response& response);
JobOr MakeWriteBlock8(const Request& request);
void FinishWriteBlock8(const TransferJob& job, const Request& request, Response& response);

// swo_commands.cc: the session's subscription to SWO.
absl::Status RunHasSwo(SharedProbe& probe, SessionState& session, const Request& request, Response& response);
absl::Status RunSwoStart(SharedProbe& probe, SessionState& session, const Request& request, Response& response);
absl::Status RunSwoStop(SharedProbe& probe, SessionState& session, const Request& request, Response& response);
absl::Status RunSwoRead(SharedProbe& probe, SessionState& session, const Request& request, Response& response);

}  // namespace probegate::commands
