// The options for who may do what, which are the same in every program that has them.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

namespace probegate {

struct AccessOptions {
  std::string access;                                    // --access
  std::string tokens;                                    // --tokens
  std::string key_cache;                                 // --key-cache
  std::string audit;                                     // --audit
  std::optional<std::chrono::milliseconds> token_grace;  // --token-grace

  // Whether callers count as what they prove.
  bool identifies() const { return !access.empty() || !tokens.empty(); }
};

// Adds --access and the others. `options` must live until the arguments have been parsed.
void AddAccessOptions(CLI::App& app, AccessOptions& options);

// What is wrong with the options, as one line for people; nothing if they can be used.
std::optional<std::string> WrongAccessOptions(const AccessOptions& options);

}  // namespace probegate
