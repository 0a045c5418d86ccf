// probegate shows and uses the probes of probegate-servers, for people and scripts. This file defines its arguments.
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <grpc/support/log.h>
#include <CLI/CLI.hpp>

#include "base/environment.h"
#include "base/frequency.h"
#include "base/grpc/client_security.h"
#include "base/labels.h"
#include "base/server_list.h"
#include "base/signals.h"
#include "cli/commands.h"
#include "cli/completion/command_tree.h"
#include "cli/completion/complete.h"
#include "cli/completion/shell_scripts.h"
#include "cli/debug_command.h"
#include "cli/print/complain.h"
#include "cli/print/failure.h"
#include "config/checks.h"
#include "config/client_options.h"

namespace probegate {
namespace {

constexpr char kExitCodes[] =
    "Exit codes: 0 success; 1 the operation failed (the target, the probe, a file); 2 wrong arguments;\n"
    "3 a server does not answer, or has another version; 4 no such probe or session;\n"
    "5 the server or the probe is busy; 6 the probe is away; 7 the server does not allow it.\n"
    "`debug` returns gdb's exit code if gdb ends by itself. `exec` returns the command's, or 128 and\n"
    "the signal that ended it; 125 if the gateway ended first, 126 if the command cannot be run,\n"
    "127 if it was not found.";

v1::ClientInfo ThisProgram() {
  v1::ClientInfo client;
  client.set_name("probegate");
  client.set_version(PROBEGATE_VERSION);
  if (const passwd* user = getpwuid(geteuid())) client.set_user(user->pw_name);
  return client;
}

// The parsed command line.
struct Arguments {
  CommonArguments common;
  ClientOptions client;
  std::vector<std::string> after_marker;  // the words after the first `--`
  std::vector<std::string> gateways;
  ListArguments list;
  SessionsArguments sessions;
  KickArguments kick;
  ReadArguments read;
  WriteArguments write;
  TopArguments top;
  DebugArguments debug;
  BoardArguments connect;
  ExecArguments exec;
  NewTokenArguments new_token;
  std::string shell;
  std::vector<std::string> words;  // of `complete`, as CLI11 reads them
  int exit_code = 0;
  void End(ExitCode code) { exit_code = static_cast<int>(code); }
};

void AddLabelOption(CLI::App& command, Labels& labels, const std::string& help) {
  const auto add = [&labels](const std::vector<std::string>& texts) {
    for (const std::string& text : texts) labels.insert_or_assign(ParseLabel(text)->first, ParseLabel(text)->second);
  };
  command.add_option_function<std::vector<std::string>>("--label", add, help + " (repeatable: all must match)")
      ->option_text("KEY=VALUE")
      ->allow_extra_args(false)
      ->check(IsLabel);
}

// The options that name a probe, or, for some commands, several. `help` is of the first.
void AddProbeOptions(CLI::App& command, ProbeChoice& probe, const std::string& help) {
  command.add_option("-u,--uid,--probe", probe.uid, help)->option_text("UID");
  AddLabelOption(command, probe.labels, "Only probes with this label, see `list --labels`");
}

// Two flags, of which at most one may be given, for one choice that may be left open.
void AddChoice(CLI::App& command, std::optional<bool>& choice, const std::string& yes, const std::string& no,
               const std::string& help) {
  const auto choose = [&choice](bool value) { return [&choice, value](int64_t) { choice = value; }; };
  CLI::Option* flag = command.add_flag(yes, choose(true), help);
  command.add_flag(no, choose(false), "The opposite of " + yes)->excludes(flag);
}

void AddMemoryOptions(CLI::App& command, MemoryArguments& memory) {
  AddProbeOptions(command, memory.probe,
                  "The probe's unique ID, or a part of it; required if there are several probes");
  command.add_option("--ap", memory.ap, "The MEM-AP: its APSEL, or its address for an ADIv6 AP")->option_text("N [0]");
  AddChoice(command, memory.secure, "--secure", "--non-secure",
            "Make secure accesses. Without either flag: secure if the target allows it");
  AddChoice(command, memory.privileged, "--privileged", "--user",
            "Make privileged accesses. Without either flag: privileged, on an AHB or AXI");
  command.add_option("--width", memory.width, "The size of each access in bits: 8, 16 or 32")
      ->option_text("BITS [32]")
      ->check(CLI::IsMember({8, 16, 32}));
  const auto set_clock = [&memory](const std::string& text) { memory.clock = ParseFrequency(text); };
  command
      .add_option_function<std::string>(
          "--clock", set_clock,
          "The highest clock frequency, in Hz or with k or M, e.g. 400k. Without it: the probe's "
          "setting `clock`, normally 1M, or what other sessions asked for")
      ->option_text("HZ")
      ->check(IsFrequency);
  const auto set_timeout = [&memory](unsigned seconds) { memory.timeout = std::chrono::seconds(seconds); };
  command
      .add_option_function<unsigned>("--timeout", set_timeout,
                                     "Give up if an answer takes longer, e.g. because another session has locked the "
                                     "probe")
      ->option_text("SECONDS [" + std::to_string(memory.timeout.count()) + "]")
      ->check(CLI::Range(1U, 86'400U));
  command.add_option("ADDRESS", memory.address, "The first address, e.g. 0x20000000")->required();
}

void AddBoardOptions(CLI::App& command, BoardArguments& board) {
  AddProbeOptions(command, board.probe, "The probe's unique ID, or a part of it; required if there are several probes");
  command.add_option("-p,--port", board.port, "The port of 127.0.0.1 to serve it on; 0: any free port")
      ->option_text("PORT [0]")
      ->check(CLI::Range(0, 65535));
}

void AddBoardCommands(CLI::App& app, Arguments& arguments) {
  CLI::App* connect =
      app.add_subcommand("connect", "Serves a probe to pyOCD on this machine, only to your own programs, until Ctrl-C");
  AddBoardOptions(*connect, arguments.connect);
  connect->callback([&arguments] { RunConnect(arguments.common, arguments.connect); });

  CLI::App* exec = app.add_subcommand(
      "exec",
      "Serves a probe like `connect` while a command runs, which finds it in PROBEGATE_BOARD (HOST:PORT) and "
      "PROBEGATE_PROBE (its unique ID)");
  AddBoardOptions(*exec, arguments.exec.board);
  // The words themselves are in `after_marker`: CLI11 changes those in brackets.
  exec->add_option("COMMAND", arguments.exec.command,
                   "-- and then the command, e.g. -- sh -c 'pyocd list --uid remote:$PROBEGATE_BOARD'")
      ->required();
  exec->callback([&arguments] {
    arguments.exec.command = arguments.after_marker;
    if (arguments.exec.command.empty()) throw Failure(ExitCode::kUsage, "exec: write -- before the command");
    arguments.exit_code = RunExec(arguments.common, arguments.exec);
  });
}

void AddToken(CLI::App& app, Arguments& arguments) {
  CLI::App* token = app.add_subcommand("token", "Makes tokens, which prove to servers who a user or a CI job is");
  token->require_subcommand(1);
  CLI::App* make = token->add_subcommand("new", "Makes a token, and the line for the file of the server's --tokens");
  make->add_option("NAME", arguments.new_token.name, "Whose token it is: letters, digits and . _ @ -")->required();
  make->add_option("--expires", arguments.new_token.expires, "When it expires, e.g. 2027-01-01 or 2027-01-01T12:00:00Z")
      ->option_text("DATE [never]");
  make->add_option("-o,--output", arguments.new_token.output,
                   "Write the token to this new file, with mode 0600, and only the line to standard output")
      ->option_text("FILE");
  make->callback([&arguments] { RunNewToken(arguments.new_token, arguments.common.json); });
}

void AddCompletion(CLI::App& app, Arguments& arguments) {
  std::vector<std::string> shells;
  for (const ShellScript& script : kShellScripts) shells.emplace_back(script.shell);
  CLI::App* completion = app.add_subcommand("completion", "Prints a script with which a shell completes probegate");
  completion->add_option("SHELL", arguments.shell, "bash, zsh or fish")->required()->check(CLI::IsMember(shells));
  completion->callback([&arguments] {
    for (const ShellScript& script : kShellScripts) {
      if (script.shell == arguments.shell) std::cout << script.text;
    }
  });
  // For the scripts; hidden from --help.
  CLI::App* complete = app.add_subcommand("complete", "Prints what can be at the end of a command line")->group("");
  complete->add_option("WORDS", arguments.words);
  complete->callback([&app, &arguments] { std::cout << ToText(Complete(CommandsOf(app), arguments.after_marker)); });
}

void AddDebug(CLI::App& app, Arguments& arguments) {
  DebugArguments& debug = arguments.debug;
  CLI::App* command = app.add_subcommand("debug", "Debugs a target with gdb, through a probegate-debugd");
  const auto set_debugd = [&debug](const std::string& text) { debug.debugd = *ParseAddress(text); };
  command->add_option_function<std::string>("--debugd", set_debugd, "The address of probegate-debugd")
      ->option_text("HOST:PORT|unix:/PATH [" + debug.debugd.ToString() + "]")
      ->check(IsServerAddress);
  CLI::Option* uid = command->add_option("-u,--uid,--probe", debug.probe,
                                         "The probe's unique ID, or key=value of one of its properties or labels");
  uid->option_text("UID");
  CLI::Option* label =
      command->add_option("--label", debug.probe, "A label that only this probe has, instead of --uid");
  label->option_text("KEY=VALUE")->check(IsLabel)->excludes(uid);
  command->add_option("--board", debug.board, "The board's FQBN, with or without options; selects the recipe")
      ->option_text("FQBN [" + debug.board + "]");
  command->add_option("--elf", debug.elf, "The ELF file, on probegate-debugd's machine or, with --upload, on this one")
      ->option_text("FILE")
      ->required();
  command->add_flag("--upload", debug.upload,
                    "Send the ELF file to probegate-debugd, which removes it after the session");
  command->add_option("--interpreter", debug.interpreter, "gdb's interpreter: console, mi1, mi2 or mi3")
      ->option_text("NAME [" + debug.interpreter + "]")
      ->check(CLI::IsMember({"console", "mi1", "mi2", "mi3"}));
  command->callback([&arguments, uid, label] {
    if (uid->count() + label->count() == 0) {
      throw Failure(ExitCode::kUsage, "debug: name the probe with --uid UID or --label KEY=VALUE");
    }
    arguments.exit_code = RunDebug(arguments.debug);
  });
}

void AddViews(CLI::App& app, Arguments& arguments) {
  CLI::App* list = app.add_subcommand("list", "Lists the probes and their users");
  list->add_option("--gateway", arguments.gateways, "Ask these ports of a gateway which probe each serves (repeatable)")
      ->option_text("HOST:PORT[-PORT]")
      ->allow_extra_args(false)
      ->check(IsEndpointRange);
  AddLabelOption(*list, arguments.list.labels, "Only probes with this label");
  list->add_flag("--labels", arguments.list.show_labels, "Also show the probes' labels");
  list->add_flag("--all", arguments.list.all, "Also list devices that look like probes and are not served, and why");
  list->callback([&arguments] { arguments.End(RunList(arguments.common, arguments.list)); });

  CLI::App* sessions = app.add_subcommand("sessions", "Lists the sessions on the probes");
  AddProbeOptions(*sessions, arguments.sessions.probe, "Only this probe's sessions");
  sessions->callback([&arguments] { arguments.End(RunSessions(arguments.common, arguments.sessions)); });

  CLI::App* top = app.add_subcommand("top", "Shows continuously what each probe is doing");
  AddProbeOptions(*top, arguments.top.probe, "Only this probe");
  top->add_flag("--once", arguments.top.once, "Show one interval, and exit");
  const auto set_interval = [&arguments](double seconds) {
    arguments.top.interval = std::chrono::milliseconds(std::lround(seconds * 1e3));
  };
  top->add_option_function<double>("--interval", set_interval, "The time between two updates")
      ->option_text("SECONDS [1]")
      ->check(IsSeconds(0.1, 3600));
  top->callback([&arguments] { arguments.End(RunTop(arguments.common, arguments.top)); });

  CLI::App* whoami = app.add_subcommand("whoami", "Shows who you are to the servers, and what you may do there");
  whoami->callback([&arguments] { arguments.End(RunWhoAmI(arguments.common)); });
}

void AddKick(CLI::App& app, Arguments& arguments) {
  CLI::App* kick = app.add_subcommand("kick", "Ends a session");
  kick->add_option("SESSION", arguments.kick.session, "The session's name as `sessions` shows it, or its beginning")
      ->required();
  kick->add_option("--reason", arguments.kick.reason, "The reason to give to the session's client")
      ->option_text("TEXT");
  kick->callback([&arguments] { RunKick(arguments.common, arguments.kick); });
}

void AddMemoryCommands(CLI::App& app, Arguments& arguments) {
  CLI::App* read = app.add_subcommand("read", "Reads a target's memory");
  AddMemoryOptions(*read, arguments.read.memory);
  read->add_option("COUNT", arguments.read.count, "How many values [1]")->check(CLI::Range(1, 1 << 28));
  read->add_option("-o,--output", arguments.read.output, "Write the bytes to FILE")->option_text("FILE");
  read->callback([&arguments] { RunRead(arguments.common, arguments.read); });

  CLI::App* write = app.add_subcommand("write", "Writes a target's memory");
  AddMemoryOptions(*write, arguments.write.memory);
  CLI::Option* values = write->add_option("VALUE", arguments.write.values, "Values, each of --width bits");
  CLI::Option* file = write->add_option("--file", arguments.write.file, "Write the bytes of FILE")->option_text("FILE");
  values->excludes(file);
  write->callback([&arguments, values, file] {
    if (values->count() + file->count() == 0) throw Failure(ExitCode::kUsage, "write: give values, or --file FILE");
    RunWrite(arguments.common, arguments.write);
  });
}

// In the order of --help.
void AddCommands(CLI::App& app, Arguments& arguments) {
  AddViews(app, arguments);
  AddKick(app, arguments);
  AddMemoryCommands(app, arguments);
  AddDebug(app, arguments);
  AddBoardCommands(app, arguments);
  AddToken(app, arguments);
  AddCompletion(app, arguments);
}

// The servers, and how to connect to them.
void PrepareConnections(CLI::App& app, Arguments& arguments) {
  ClientOptions& client = arguments.client;
  if (const auto wrong = CompleteClientOptions(app, VariableOfProcess, client)) throw Failure(ExitCode::kUsage, *wrong);
  if (client.servers.empty()) client.servers = {DefaultServer().ToString()};
  auto servers = ParseServerNames(client.servers);
  if (!servers.ok()) throw Failure(ExitCode::kUsage, "--server: " + std::string(servers.status().message()));
  arguments.common.servers = *std::move(servers);
  const bool given = app.get_subcommand("debug")->get_option("--debugd")->count() > 0;
  if (!given && !client.debugd.empty()) arguments.debug.debugd = *ParseAddress(client.debugd);
  const bool debugs = app.got_subcommand("debug");
  const auto wrong = WrongClientOptions(client.tls, client.files(),
                                        debugs ? std::vector{arguments.debug.debugd} : arguments.common.servers);
  if (wrong) throw Failure(ExitCode::kUsage, *wrong);
  // The thread that looks at the files must not take signals that a subcommand waits for.
  const SignalsBlocked blocked;
  const auto security = LoadClientSecurity(client.files());
  if (!security.ok()) throw Failure(ExitCode::kFailed, std::string(security.status().message()));
  arguments.common.security = arguments.debug.security = *security;
  arguments.common.gateway_words = WordsFor(client.files());
}

// Whether the subcommand asks a server, or a program that does.
bool Connects(const CLI::App& app) {
  return !app.got_subcommand("token") && !app.got_subcommand("completion") && !app.got_subcommand("complete");
}

std::vector<std::string> AfterMarker(int argc, char** argv) {
  char** const end = argv + argc;
  char** const marker = std::find(argv, end, std::string_view("--"));
  return marker == end ? std::vector<std::string>() : std::vector<std::string>(marker + 1, end);
}

int Main(int argc, char** argv) {
  CLI::App app("Shows and uses the probes of probegate-servers", "probegate");
  Arguments arguments;
  arguments.common.client = ThisProgram();
  arguments.after_marker = AfterMarker(argc, argv);
  app.set_version_flag("--version", "probegate " PROBEGATE_VERSION);
  AddClientOptions(app, arguments.client,
                   "The address of a server (repeatable). A host name with several addresses stands for as many "
                   "servers");
  app.add_flag("--json", arguments.common.json, "Print JSON");
  app.footer(kExitCodes);
  app.require_subcommand(1);
  app.fallthrough();
  // Runs before the subcommands' callbacks.
  app.parse_complete_callback([&app, &arguments] {
    if (Connects(app)) PrepareConnections(app, arguments);
    for (const std::string& gateway : arguments.gateways) {
      for (const Endpoint& port : ParseEndpointRange(gateway)) arguments.list.gateway_ports.push_back(port);
    }
  });
  AddCommands(app, arguments);
  try {
    app.parse(argc, argv);
    if (!std::cout.flush()) throw Failure(ExitCode::kFailed, "cannot write to standard output");
  } catch (const CLI::Success& wanted) {
    return app.exit(wanted);
  } catch (const CLI::ParseError& error) {
    // CLI11 complains about the missing subcommand before it looks at an unknown word in its place.
    const std::vector<std::string> unknown = app.remaining();
    const std::string why = unknown.empty() ? error.what() : "unknown command or option " + unknown.front();
    Complain(why + " (see probegate --help)");
    return static_cast<int>(ExitCode::kUsage);
  } catch (const Failure& failure) {
    Complain(failure.what());
    return static_cast<int>(failure.code);
  } catch (const std::system_error& error) {
    // Most likely the system could not start another thread.
    Complain(error.what());
    return static_cast<int>(ExitCode::kFailed);
  }
  return arguments.exit_code;
}

}  // namespace
}  // namespace probegate

int main(int argc, char** argv) {
  // gRPC writes its own log to standard error. This program reports what matters itself.
  gpr_set_log_function([](gpr_log_func_args*) {});
  return probegate::Main(argc, argv);
}
