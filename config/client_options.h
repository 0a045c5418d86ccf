// How programs that call servers learn which servers, and with what they prove who they are: from their options, from
// the environment, and from the user's profile. An option on the command line, or in a file of --config, takes
// precedence over the environment, and that over the profile.
//
// A profile is the YAML file probegate/NAME.yaml in $XDG_CONFIG_HOME, by default ~/.config. Its keys are long option
// names without dashes:
//   server: [lab1.example:50051, lab2.example:50051]
//   tls-ca: ca.crt                  # files are relative to the profile's folder
//   token-file: token
//   debugd: lab1.example:50061      # for `probegate debug`
// docs/client.md lists the keys and the variables of the environment.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/client_files.h"
#include "base/endpoint.h"
#include "config/tls_options.h"

namespace probegate {

struct ClientOptions {
  std::vector<std::string> servers;  // --server, as given
  TlsOptions tls;
  std::string token_file;  // --token-file
  std::string profile;     // --profile
  std::string debugd;      // only from the environment or the profile

  ClientFiles files() const { return {.tls = tls.client(TlsRole::kClient), .token = token_file}; }
};

// Adds --token-file. For programs that have no profile.
void AddTokenOption(CLI::App& app, std::string& token_file);

// Adds --server, which `server_help` explains, --token-file, --profile, and the options of TLS for a client. `options`
// must live until the arguments have been parsed.
void AddClientOptions(CLI::App& app, ClientOptions& options, const std::string& server_help);

// The value of a variable of the environment; empty if it is not set.
using Environment = std::function<std::string(const std::string& name)>;

// To be called when the arguments have been parsed. Takes each value that has not been given to `app` from the
// environment or from the profile. Returns what is wrong with them, as one line that names the variable, or the file,
// the line and the key; nothing if all is right.
std::optional<std::string> CompleteClientOptions(CLI::App& app, const Environment& environment, ClientOptions& options);

// What is wrong with options of a program that connects to `addresses`; nothing if they can be used. A token is sent
// only if nobody else can read it.
std::optional<std::string> WrongClientOptions(const TlsOptions& tls, const ClientFiles& files,
                                              const std::vector<Endpoint>& addresses);

// The words of a command line that give another program the same files, whatever its folder and its profile.
std::vector<std::string> WordsFor(const ClientFiles& files);

}  // namespace probegate
