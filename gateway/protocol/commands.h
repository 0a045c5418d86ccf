// The handlers of the commands and the writers of their results, for the rows of gateway/protocol/command_table.cc.
// Each family of commands has a file; the families are those of server/commands/commands.h.
#pragma once

#include <string>

#include "gateway/protocol/arguments.h"
#include "gateway/protocol/command_table.h"

namespace probegate::commands {

// session_commands.cc: the connection and the session.
Step Hello(Call& call, Anything<"version"> version);
Step ReadProperty(Call& call, Anything<"name"> name);
void Open(Call& call);
void Close(Call& call);
void Lock(Call& call);
void Unlock(Call& call);

// wire_commands.cc: the wire, its pins and its clock.
Step Connect(Call& call, Anything<"protocol"> protocol);
void Disconnect(Call& call);
Step SwjSequence(Call& call, U32<"length"> length, Bits<"bits"> bits);
void SwdSequence(Call& call, Segments<"sequences"> sequences);
bool SwdSequenceResult(const v1::StreamResponse& response, std::string& out);
Step JtagSequence(Call& call, U32<"cycles"> cycles, Flag<"tms"> tms, Flag<"read_tdo"> read_tdo, Bits<"tdi"> tdi);
bool JtagSequenceResult(const v1::StreamResponse& response, std::string& out);
void SetClock(Call& call, Hertz<"frequency"> frequency);
void Reset(Call& call);
void AssertReset(Call& call, Flag<"asserted"> asserted);
void IsResetAsserted(Call& call);
bool IsResetAssertedResult(const v1::StreamResponse& response, std::string& out);
void Flush(Call& call);

// register_commands.cc: DP and AP registers.
void ReadDp(Call& call, U32<"address"> address);
bool ReadDpResult(const v1::StreamResponse& response, std::string& out);
void WriteDp(Call& call, U32<"address"> address, U32<"value"> value);
void ReadAp(Call& call, U64<"address"> address);
bool ReadApResult(const v1::StreamResponse& response, std::string& out);
void WriteAp(Call& call, U64<"address"> address, U32<"value"> value);
Step ReadApMultiple(Call& call, U64<"address"> address, U32<"count"> count);
bool ReadApMultipleResult(const v1::StreamResponse& response, std::string& out);
void WriteApMultiple(Call& call, U64<"address"> address, Words<"values"> values);

// memory_commands.cc: memory through an AP.
Step GetMemoryInterface(Call& call, Anything<"ap_version"> ap_version, U64<"address"> address);
bool GetMemoryInterfaceResult(const v1::StreamResponse& response, std::string& out);
Step ReadMem(Call& call, MemoryHandle<"handle"> handle, U64<"address"> address, U32<"transfer_size"> transfer_size);
bool ReadMemResult(const v1::StreamResponse& response, std::string& out);
Step WriteMem(Call& call, MemoryHandle<"handle"> handle, U64<"address"> address, U32<"value"> value,
              U32<"transfer_size"> transfer_size);
Step ReadBlock32(Call& call, MemoryHandle<"handle"> handle, U64<"address"> address, U32<"word_count"> word_count);
bool ReadBlock32Result(const v1::StreamResponse& response, std::string& out);
Step WriteBlock32(Call& call, MemoryHandle<"handle"> handle, U64<"address"> address, Words<"data"> data);
Step ReadBlock8(Call& call, MemoryHandle<"handle"> handle, U64<"address"> address, U32<"byte_count"> byte_count);
bool ReadBlock8Result(const v1::StreamResponse& response, std::string& out);
Step WriteBlock8(Call& call, MemoryHandle<"handle"> handle, U64<"address"> address, Bytes<"data"> data);

// swo_commands.cc: what the target sends over SWO.
void HasSwo(Call& call);
bool HasSwoResult(const v1::StreamResponse& response, std::string& out);
void SwoStart(Call& call, U32<"baudrate"> baudrate);
void SwoStop(Call& call);
void SwoRead(Call& call);
bool SwoReadResult(const v1::StreamResponse& response, std::string& out);

// The same message as pyOCD's server.
inline constexpr std::string_view kInvalidHandle = "invalid handle received from remote memory access";

// refusals.cc: these refuse a call with the error message "`name` must be `wanted`, got `value`".
Step RefuseArgument(Call& call, std::string_view name, std::string_view wanted, std::string_view value);
// The same for the number `count`, which may be at most `most`.
Step RefuseCount(Call& call, std::string_view name, uint32_t count, size_t most);

}  // namespace probegate::commands
