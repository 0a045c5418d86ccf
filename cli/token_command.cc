// The subcommand token new.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <iostream>
#include <optional>
#include <string>
#include <system_error>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "access/new_token.h"
#include "access/static_tokens.h"
#include "base/file_descriptor.h"
#include "base/write_all.h"
#include "cli/commands.h"
#include "cli/print/failure.h"
#include "cli/print/json.h"

namespace probegate {
namespace {

std::optional<absl::Time> Expiry(const std::string& text) {
  if (text.empty()) return std::nullopt;
  const auto time = ParseExpiry(text);
  if (!time.ok()) throw Failure(ExitCode::kUsage, "--expires: " + std::string(time.status().message()));
  if (*time <= absl::Now()) throw Failure(ExitCode::kUsage, "--expires: " + text + " is in the past");
  return *time;
}

// A new file that only its owner may read. An existing one is not replaced, because its token would be lost.
void WriteSecret(const std::string& path, const std::string& secret) {
  const FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  const std::string text = secret + "\n";
  if (file.ok() && WriteAll(file.number(), text) == text.size()) return;
  const std::string why = std::generic_category().message(errno);
  if (file.ok()) ::unlink(path.c_str());
  throw Failure(ExitCode::kFailed, "cannot write the token to " + path + ": " + why);
}

void Print(const NewToken& token, const NewTokenArguments& arguments) {
  if (!arguments.output.empty()) {
    std::cout << token.line << "\n";
    return;
  }
  std::cout << "The token, which cannot be shown again. For --token-file, put it into a file with mode 0600:\n\n  "
            << token.secret << "\n\nThe line for the file that the server's --tokens names:\n\n  " << token.line
            << "\n";
}

}  // namespace

void RunNewToken(const NewTokenArguments& arguments, bool json) {
  const auto token = MakeToken(arguments.name, Expiry(arguments.expires));
  if (!token.ok()) {
    throw Failure(absl::IsInvalidArgument(token.status()) ? ExitCode::kUsage : ExitCode::kFailed,
                  std::string(token.status().message()));
  }
  if (!arguments.output.empty()) WriteSecret(arguments.output, token->secret);
  if (!json) return Print(*token, arguments);
  std::string object = WithMember("{}", "line", ToJson(token->line));
  if (arguments.output.empty()) object = WithMember(object, "token", ToJson(token->secret));
  std::cout << object << "\n";
}

}  // namespace probegate
