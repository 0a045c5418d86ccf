// Which probe has which port. A port is a promise: a client that flashes remote:host:5557 must never reach another
// board.
//
// A port that was given to a probe is never given to another, even when the probe is gone. The ports that the operator
// sets with `--map`, and those chosen here, are kept in the file `ports.json` in the state directory:
//   {"version": 1, "ports": {"5555": "0123ABCD", "5556": "4567EF01"}}
// Several gateways may share a state directory: the file is locked while it is changed, and read again each time.
// Unique IDs are compared without regard to case, because people type those in `--map`.
//
// Threads: one at a time. Blocks while it reads or writes a small file.
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
  // `fixed`: the ports of `--map`, by probe. They are written to the file at once, and replace all ports promised to
  // the same probes earlier, because the operator has moved these probes. `directory` need not exist yet. Fails if two
  // probes are given the same port, if a fixed port is promised to another probe, or if the file cannot be read or is
  // damaged; in each case the file is left unchanged.
  static absl::StatusOr<PortMap> Open(std::filesystem::path directory, std::map<std::string, uint16_t> fixed);

  // The port of the probe `unique_id`: its fixed port; otherwise the lowest port that it was given before; otherwise a
  // new one, which is the lowest from `first` upward that no other probe has, and is written to the file.
  absl::StatusOr<uint16_t> PortFor(const std::string& unique_id, uint16_t first);

  // The same for several probes, with one write of the file. If no port is left for a probe, it is not in the result.
  absl::StatusOr<std::map<std::string, uint16_t>> PortsFor(const std::vector<std::string>& unique_ids, uint16_t first);

  // Gives the probe exactly this port, and writes that to the file. Fails if the port is promised to another probe.
  absl::Status Claim(const std::string& unique_id, uint16_t port);

  // The probe's `--map` port, if it has one.
  std::optional<uint16_t> FixedPort(const std::string& unique_id) const;

  const std::map<std::string, uint16_t>& fixed() const { return fixed_; }

 private:
  // Unique IDs by port.
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
