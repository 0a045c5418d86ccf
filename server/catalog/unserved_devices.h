// What the server does not serve although it looks like a probe, or is one: kept so that a user who looks for a probe
// can read why it is missing.
//
// Threads: any; nothing blocks.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "probegate/v1/probe_directory.pb.h"

namespace probegate {

// The texts may be a device's own.
struct UnservedDevice {
  std::string location;   // as in Catalog::Add
  std::string unique_id;  // empty if unknown
  std::string vendor_name;
  std::string product_name;
  std::string usb_id;  // "0483:374b"; empty if it is not on USB
  std::string reason;
};

class UnservedDevices {
 public:
  // More than a machine has USB ports. It bounds what a client can be sent.
  static constexpr size_t kMost = 256;

  // Keeps a device until it is forgotten, or replaces what was noted for its location and unique ID. While there are
  // kMost devices, no other is kept.
  void Note(const UnservedDevice& device);
  // Forgets all devices at this location, or what was noted there for this unique ID, or for none.
  void Forget(const std::string& location);
  void Forget(const std::string& location, const std::string& unique_id);

  // Ordered by location.
  std::vector<v1::UnservedDevice> List() const;

 private:
  mutable Mutex mutex_;
  // By location and unique ID.
  std::map<std::pair<std::string, std::string>, v1::UnservedDevice> devices_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace probegate
