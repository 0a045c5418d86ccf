// The subcommands of `probegate`: the arguments of each, and the function that runs it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/endpoint.h"
#include "base/grpc/client_tls.h"
#include "cli/print/failure.h"
#include "cli/servers/find_probe.h"
#include "probegate/v1/debug_probe.pb.h"

namespace probegate {

// The arguments of every subcommand.
struct CommonArguments {
  std::vector<Endpoint> servers;  // at least one
  ChannelSecurity security;
  std::vector<std::string> gateway_words;  // options with which a gateway connects to the servers as this program does
  bool json = false;
  v1::ClientInfo client;  // how this program introduces itself to servers
};

struct ListArguments {
  std::vector<Endpoint> gateway_ports;
  Labels labels;             // only probes that have them
  bool show_labels = false;  // in the table
  bool all = false;          // also what is not served
};
struct SessionsArguments {
  ProbeChoice probe;
};
struct KickArguments {
  std::string session;
  std::string reason;
};
struct MemoryArguments {
  ProbeChoice probe;
  uint32_t ap = 0;
  std::optional<bool> secure;      // or non-secure
  std::optional<bool> privileged;  // or user
  unsigned width = 32;
  uint64_t address = 0;
  std::optional<uint32_t> clock;     // Hz
  std::chrono::seconds timeout{60};  // for each answer
};
struct ReadArguments {
  MemoryArguments memory;
  uint64_t count = 1;
  std::string output;  // a file, or empty
};
struct WriteArguments {
  MemoryArguments memory;
  std::vector<uint64_t> values;
  std::string file;  // instead of values
};
struct TopArguments {
  ProbeChoice probe;
  bool once = false;
  std::chrono::milliseconds interval{1000};
};

// A gateway of one's own for a probe.
struct BoardArguments {
  ProbeChoice probe;
  uint16_t port = 0;  // 0: a free one
};
struct ExecArguments {
  BoardArguments board;
  std::vector<std::string> command;  // at least one word
};
struct NewTokenArguments {
  std::string name;
  std::string expires;  // RFC 3339, or a date; empty: never
  std::string output;   // the file that gets the token; empty: standard output
};

// Each prints its result on standard output, or throws a Failure. Those that return an exit code show the whole fleet:
// they show the servers that answer, report on standard error which ones are missing, and return the exit code for
// that.
ExitCode RunList(const CommonArguments& common, const ListArguments& arguments);
ExitCode RunSessions(const CommonArguments& common, const SessionsArguments& arguments);
void RunKick(const CommonArguments& common, const KickArguments& arguments);
void RunRead(const CommonArguments& common, const ReadArguments& arguments);
void RunWrite(const CommonArguments& common, const WriteArguments& arguments);
ExitCode RunWhoAmI(const CommonArguments& common);
ExitCode RunTop(const CommonArguments& common, const TopArguments& arguments);
// Runs until a signal ends it.
void RunConnect(const CommonArguments& common, const BoardArguments& board);
// Returns the command's exit code, or 128 and the number of the signal that ended it.
int RunExec(const CommonArguments& common, const ExecArguments& arguments);
void RunNewToken(const NewTokenArguments& arguments, bool json);

}  // namespace probegate
