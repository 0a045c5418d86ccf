#include "config/client_options.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <system_error>
#include <utility>

#include <yaml-cpp/yaml.h>

#include "base/server_list.h"
#include "config/checks.h"
#include "config/option_value.h"
#include "config/yaml_options.h"

namespace probegate {
namespace {

namespace fs = std::filesystem;

constexpr char kDefaultProfile[] = "client";
constexpr char kNoProfile[] = "none";
constexpr char kDebugd[] = "debugd";

// What the environment and a profile can set, in addition to the address of probegate-debugd.
struct Row {
  const char* key;       // the option without dashes
  const char* variable;  // of the environment
  bool is_file = false;
};
constexpr std::array kRows = {
    Row{"server", "PROBEGATE_SERVER"},
    Row{"tls", "PROBEGATE_TLS"},
    Row{"tls-ca", "PROBEGATE_TLS_CA", true},
    Row{"tls-cert", "PROBEGATE_TLS_CERT", true},
    Row{"tls-key", "PROBEGATE_TLS_KEY", true},
    Row{"tls-server-name", "PROBEGATE_TLS_SERVER_NAME"},
    Row{"token-file", "PROBEGATE_TOKEN_FILE", true},
};

CLI::Option& OptionOf(CLI::App& app, const Row& row) { return *app.get_option(std::string("--") + row.key); }

std::vector<std::string> Split(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
  return parts;
}

void TakeDebugd(const std::string& text, std::string& debugd) {
  if (debugd.empty()) debugd = text;
}

void ReadEnvironment(CLI::App& app, const Environment& environment, ClientOptions& options) {
  for (const Row& row : kRows) {
    CLI::Option& option = OptionOf(app, row);
    const std::string text = environment(row.variable);
    if (text.empty() || option.count() > 0) continue;
    const bool takes_several = option.get_expected_max() > 1;
    GiveValues(option, row.key, row.variable, takes_several ? Split(text) : std::vector<std::string>{text}, text);
  }
  const std::string debugd = environment("PROBEGATE_DEBUGD");
  if (const std::string wrong = debugd.empty() ? "" : IsServerAddress(debugd); !wrong.empty()) {
    throw CLI::ConversionError("PROBEGATE_DEBUGD: " + wrong);
  }
  TakeDebugd(debugd, options.debugd);
}

// The folder of the profiles; empty if the user has no home (XDG Base Directory Specification).
fs::path ProfileFolder(const Environment& environment) {
  const std::string config = environment("XDG_CONFIG_HOME");
  if (config.starts_with('/')) return fs::path(config) / "probegate";
  const std::string home = environment("HOME");
  return home.empty() ? fs::path() : fs::path(home) / ".config" / "probegate";
}

// The file of the profile; empty if none is to be read.
fs::path FindProfile(const Environment& environment, const std::string& given) {
  const std::string wanted = given.empty() ? environment("PROBEGATE_PROFILE") : given;
  if (wanted == kNoProfile) return {};
  if (wanted.find('/') != wanted.npos) {
    throw CLI::ConversionError("--profile: " + wanted + " is not a name; it names the file NAME.yaml in " +
                               ProfileFolder(environment).string());
  }
  const fs::path folder = ProfileFolder(environment);
  const fs::path file = folder / ((wanted.empty() ? kDefaultProfile : wanted) + ".yaml");
  std::error_code error;
  // Nobody has to have the default one, and a service cannot look into a home.
  if (wanted.empty() && (folder.empty() || !fs::exists(file, error))) return {};
  return file;
}

// Paths in a profile are relative to its folder.
void MakeAbsolute(CLI::Option& option, const fs::path& folder) {
  const fs::path path = option.results().front();
  if (path.empty() || path.is_absolute()) return;
  option.clear();
  option.add_result((folder / path).string());
  option.run_callback();
}

void ReadProfile(const fs::path& file, CLI::App& app, ClientOptions& options) {
  std::vector<CLI::Option*> files;  // that the profile may set
  for (const Row& row : kRows) {
    if (CLI::Option& option = OptionOf(app, row); row.is_file && option.count() == 0) files.push_back(&option);
  }
  const SectionReaders sections = {{kDebugd, [&options](const YAML::Node& value) {
                                      const std::string text = value.IsScalar() ? value.Scalar() : "";
                                      const std::string wrong = IsServerAddress(text);
                                      if (!wrong.empty()) throw InvalidSection{value.Mark().line, wrong};
                                      TakeDebugd(text, options.debugd);
                                    }}};
  const auto is_known = [](const CLI::Option& option) {
    return std::ranges::any_of(kRows, [&option](const Row& row) { return option.check_lname(row.key); });
  };
  ReadYamlOptions(file, app, sections, is_known);
  for (CLI::Option* option : files) {
    if (option->count() > 0) MakeAbsolute(*option, file.parent_path());
  }
}

}  // namespace

void AddTokenOption(CLI::App& app, std::string& token_file) {
  app.add_option("--token-file", token_file,
                 "File with a token that proves to servers who you are; read again for each call. It must have mode "
                 "0600, and is sent only with TLS, to a unix socket, or to loopback")
      ->option_text("FILE");
}

void AddClientOptions(CLI::App& app, ClientOptions& options, const std::string& server_help) {
  app.add_option("--server", options.servers, server_help)
      ->option_text("HOST:PORT|unix:/PATH [" + DefaultServer().ToString() + "]")
      ->allow_extra_args(false)
      ->check(IsServerAddress);
  AddTlsOptions(app, TlsRole::kClient, options.tls);
  AddTokenOption(app, options.token_file);
  app.add_option("--profile", options.profile,
                 "Take what is not given here from ~/.config/probegate/NAME.yaml: server, debugd, tls, tls-ca, "
                 "tls-cert, tls-key, tls-server-name, token-file. PROBEGATE_PROFILE also names it, and "
                 "PROBEGATE_SERVER, PROBEGATE_TLS_CA and so on take precedence over it")
      ->option_text("NAME|none [client]")
      ->configurable(false);
}

std::optional<std::string> CompleteClientOptions(CLI::App& app, const Environment& environment,
                                                 ClientOptions& options) {
  try {
    ReadEnvironment(app, environment, options);
    const fs::path profile = FindProfile(environment, options.profile);
    if (!profile.empty()) ReadProfile(profile, app, options);
  } catch (const CLI::ParseError& error) {
    return error.what();
  }
  return std::nullopt;
}

std::optional<std::string> WrongClientOptions(const TlsOptions& tls, const ClientFiles& files,
                                              const std::vector<Endpoint>& addresses) {
  if (auto wrong = WrongTlsOptions(tls)) return wrong;
  if (files.token.empty() || files.tls.enabled) return std::nullopt;
  for (const Endpoint& address : addresses) {
    if (address.is_unix() || IsLoopback(address.host)) continue;
    return "--token-file: without TLS, others could read the token on its way to " + address.ToString() +
           "; use --tls or --tls-ca";
  }
  return std::nullopt;
}

std::vector<std::string> WordsFor(const ClientFiles& files) {
  std::vector<std::string> words{"--profile", kNoProfile};
  const auto add = [&words](const char* option, const std::string& value) {
    if (!value.empty()) words.insert(words.end(), {option, value});
  };
  const auto absolute = [](const std::string& path) { return path.empty() ? path : fs::absolute(path).string(); };
  add("--token-file", absolute(files.token));
  if (!files.tls.enabled) return words;
  words.emplace_back("--tls");
  add("--tls-ca", absolute(files.tls.ca));
  add("--tls-cert", absolute(files.tls.certificate));
  add("--tls-key", absolute(files.tls.key));
  add("--tls-server-name", files.tls.server_name);
  return words;
}

}  // namespace probegate
