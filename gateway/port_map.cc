#include "gateway/port_map.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include "base/file_descriptor.h"
#include "base/ignoring_case.h"
#include "base/write_all.h"
#include "nlohmann/json.hpp"

namespace probegate {
namespace {

constexpr int kVersion = 1;

absl::Status SystemError(const std::string& what, const std::filesystem::path& path) {
  return absl::UnavailableError("cannot " + what + " " + path.string() + ": " + std::strerror(errno) +
                                "; name another directory with --state");
}

// Other gateways that use `directory` wait while this lock exists.
class DirectoryLock {
 public:
  explicit DirectoryLock(const std::filesystem::path& directory)
      : path_(directory / "ports.lock"), file_(OpenLockFile(directory)) {}

  absl::Status status() const {
    if (file_.ok() && ::flock(file_.number(), LOCK_EX) == 0) return absl::OkStatus();
    return SystemError("write", path_);
  }

 private:
  static int OpenLockFile(const std::filesystem::path& directory) {
    std::error_code ignored;
    std::filesystem::create_directories(directory, ignored);
    return ::open((directory / "ports.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  }
  const std::filesystem::path path_;
  FileDescriptor file_;
};

// After this either the old or the new content is on the disk, whatever happens.
absl::Status ReplaceFile(const std::filesystem::path& path, std::string_view content) {
  std::filesystem::path temporary = path;
  temporary += ".new";
  {
    const FileDescriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!file.ok() || WriteAll(file.number(), content) < content.size() || ::fsync(file.number()) != 0) {
      return SystemError("write", temporary);
    }
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return SystemError("replace", path);
  const FileDescriptor directory(::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.ok() || ::fsync(directory.number()) != 0) return SystemError("write", path.parent_path());
  return absl::OkStatus();
}

absl::Status PromisedError(uint16_t port, const std::string& owner, const std::string& wanted_for) {
  return absl::AlreadyExistsError("port " + std::to_string(port) + " is promised to debug probe " + owner +
                                  " and cannot be given to " + wanted_for + ": choose another with --map " +
                                  wanted_for + "=PORT");
}

}  // namespace

absl::StatusOr<PortMap> PortMap::Open(std::filesystem::path directory, std::map<std::string, uint16_t> fixed) {
  PortMap map(std::move(directory), std::move(fixed));
  // It does not matter whether the directory can be written until there is something to write.
  const absl::Status status = map.fixed_.empty() ? map.Load().status() : map.KeepFixed();
  if (!status.ok()) return status;
  return map;
}

absl::Status PortMap::KeepFixed() {
  const DirectoryLock lock(directory_);
  if (const auto status = lock.status(); !status.ok()) return status;
  const auto before = Load();
  if (!before.ok()) return before.status();
  Ports ports = *before;
  // Remove the old ports of all moved probes first, so that two probes can swap ports.
  std::erase_if(ports, [this](const auto& promise) { return FixedPort(promise.second).has_value(); });
  for (const auto& [unique_id, port] : fixed_) {
    const auto [owner, is_new] = ports.emplace(port, unique_id);
    if (!is_new && !EqualsIgnoringCase(owner->second, unique_id)) return PromisedError(port, owner->second, unique_id);
  }
  return ports == *before ? absl::OkStatus() : Save(ports);
}

absl::StatusOr<PortMap::Ports> PortMap::Load() const {
  std::ifstream stream(file());
  if (!stream) {
    std::error_code error;
    if (!std::filesystem::exists(file(), error) && !error) return Ports();
    return SystemError("read", file());
  }
  std::stringstream content;
  content << stream.rdbuf();
  const auto corrupt = [this](const std::string& what) {
    return absl::DataLossError("state file " + file().string() + " is damaged (" + what +
                               "): restore it, or remove it, which withdraws all promises of ports");
  };
  const auto json = nlohmann::json::parse(content.str(), nullptr, false);
  if (!json.is_object() || !json.contains("version") || !json.contains("ports") || !json["ports"].is_object()) {
    return corrupt("not JSON with \"version\" and \"ports\"");
  }
  if (json["version"] != kVersion) return corrupt("version " + json["version"].dump() + ", expected 1");
  Ports ports;
  for (const auto& [key, unique_id] : json["ports"].items()) {
    const unsigned long port = std::strtoul(key.c_str(), nullptr, 10);
    if (port < 1 || port > 65535 || std::to_string(port) != key || !unique_id.is_string()) {
      return corrupt("port \"" + key + "\"");
    }
    ports[static_cast<uint16_t>(port)] = unique_id.get<std::string>();
  }
  return ports;
}

absl::Status PortMap::Save(const Ports& ports) const {
  auto by_number = nlohmann::ordered_json::object();
  for (const auto& [port, unique_id] : ports) by_number[std::to_string(port)] = unique_id;
  nlohmann::ordered_json json;
  json["version"] = kVersion;
  json["ports"] = std::move(by_number);
  return ReplaceFile(file(), json.dump(2, ' ', true, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

std::optional<uint16_t> PortMap::FixedPort(const std::string& unique_id) const {
  for (const auto& [fixed_id, port] : fixed_) {
    if (EqualsIgnoringCase(fixed_id, unique_id)) return port;
  }
  return std::nullopt;
}

absl::StatusOr<uint16_t> PortMap::PortFor(const std::string& unique_id, uint16_t first) {
  const auto ports = PortsFor({unique_id}, first);
  if (!ports.ok()) return ports.status();
  if (!ports->empty()) return ports->begin()->second;
  return absl::ResourceExhaustedError("no port from " + std::to_string(first) + " upward is free for debug probe " +
                                      unique_id + ": choose a lower --port, or a port with --map");
}

absl::StatusOr<std::map<std::string, uint16_t>> PortMap::PortsFor(const std::vector<std::string>& unique_ids,
                                                                  uint16_t first) {
  std::map<std::string, uint16_t> given;
  for (const std::string& unique_id : unique_ids) {
    if (const auto fixed = FixedPort(unique_id)) given[unique_id] = *fixed;
  }
  if (given.size() == unique_ids.size()) return given;
  const DirectoryLock lock(directory_);
  if (const auto status = lock.status(); !status.ok()) return status;
  auto ports = Load();
  if (!ports.ok()) return ports.status();
  const size_t known = ports->size();
  uint32_t next = first;  // all ports from `first` up to this one are promised
  for (const std::string& unique_id : unique_ids) {
    if (given.contains(unique_id)) continue;
    const auto promised = std::find_if(ports->begin(), ports->end(),
                                       [&](const auto& port) { return EqualsIgnoringCase(port.second, unique_id); });
    if (promised != ports->end()) {
      given[unique_id] = promised->first;
      continue;
    }
    while (next <= 65535 && ports->contains(static_cast<uint16_t>(next))) ++next;
    if (next > 65535) continue;
    given[unique_id] = static_cast<uint16_t>(next);
    ports->emplace(static_cast<uint16_t>(next), unique_id);
  }
  if (ports->size() != known) {
    if (const auto status = Save(*ports); !status.ok()) return status;
  }
  return given;
}

absl::Status PortMap::Claim(const std::string& unique_id, uint16_t port) {
  const DirectoryLock lock(directory_);
  if (const auto status = lock.status(); !status.ok()) return status;
  auto ports = Load();
  if (!ports.ok()) return ports.status();
  const auto [owner, is_new] = ports->emplace(port, unique_id);
  if (!EqualsIgnoringCase(owner->second, unique_id)) return PromisedError(port, owner->second, unique_id);
  return is_new ? Save(*ports) : absl::OkStatus();
}

}  // namespace probegate
