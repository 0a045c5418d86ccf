// Which probe has which port. A port is a promise: whoever flashes remote:host:5557 must not meet another board.
//
// A port that was given to a probe is never given to another, also not when the probe is gone. Those that the operator
// gives by `--map` and those that are chosen here are kept in a file, `ports.json` in the state directory:
//   {"version": 1, "ports": {"5555": "0123ABCD", "5556": "4567EF01"}}
// Several gateways may share a state directory: the file is locked while it is changed, and read anew each time. Unique
// ids are the same whatever the case of their letters: in `--map` a person has typed them.
//
// Threads: one at a time. Reads and writes a small file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace probegate {

class PortMap {
 public:
  // `fixed`: ports by probe, of `--map`. These promises are kept at once and take the place of all earlier ones to the
  // same probes: the operator has moved them. `directory` need not exist yet. Fails where two probes are to have one
  // port, where a fixed port has been promised to another probe, and where the file cannot be read or makes no sense:
  // it is left as it is.
  static absl::StatusOr<PortMap> Open(std::filesystem::path directory, std::map<std::string, uint16_t> fixed);

  // The port of the probe `unique_id`: the fixed one; else the lowest it was given before; else a new one, the lowest
  // from `first` upward that is no other probe's, which is kept.
  absl::StatusOr<uint16_t> PortFor(const std::string& unique_id, uint16_t first);

  // The same for many, with one write of the file. A probe for which no port is left is not in the answer.
  absl::StatusOr<std::map<std::string, uint16_t>> PortsFor(const std::vector<std::string>& unique_ids, uint16_t first);

  // Gives the probe this very port, and keeps it. Fails where it is another's.
  absl::Status Claim(const std::string& unique_id, uint16_t port);

  // The port of `--map`, if any.
  std::optional<uint16_t> FixedPort(const std::string& unique_id) const;

  const std::map<std::string, uint16_t>& fixed() const { return fixed_; }

 private:
  // Unique ids by port.
  using Ports = std::map<uint16_t, std::string>;

  PortMap(std::filesystem::path directory, std::map<std::string, uint16_t> fixed)
      : directory_(std::move(directory)), fixed_(std::move(fixed)) {}

  std::filesystem::path file() const { return directory_ / "ports.json"; }
  absl::StatusOr<Ports> Load() const;
  absl::Status Save(const Ports& ports) const;
  absl::Status KeepFixed();

  std::filesystem::path directory_;
  std::map<std::string, uint16_t> fixed_;
};

}  // namespace probegate
