// What the gateway knows of a probe: its description, from which connections answer some requests without asking the
// server, and which server has it.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "gateway/fleet/upstream.h"
#include "probegate/v1/debug_probe.pb.h"

namespace probegate {

// Threads: any.
class ServedProbe {
 public:
  ServedProbe(v1::ProbeDescription description, std::shared_ptr<Upstream> upstream)
      : unique_id_(description.unique_id()),
        description_(std::make_shared<const v1::ProbeDescription>(std::move(description))),
        upstream_(std::move(upstream)) {}

  const std::string& unique_id() const { return unique_id_; }

  std::shared_ptr<const v1::ProbeDescription> description() const {
    const MutexLock lock(mutex_);
    return description_;
  }

  // The server that has the probe, or had it last. Sessions that are already open stay where they are.
  std::shared_ptr<Upstream> upstream() const {
    const MutexLock lock(mutex_);
    return upstream_;
  }

  // The probe's description has changed (it came back with other firmware, or has only now been connected for the first
  // time), or the probe has moved to another server.
  void Update(v1::ProbeDescription description, std::shared_ptr<Upstream> upstream) {
    auto fresh = std::make_shared<const v1::ProbeDescription>(std::move(description));
    const MutexLock lock(mutex_);
    description_ = std::move(fresh);
    upstream_ = std::move(upstream);
  }

 private:
  const std::string unique_id_;
  mutable Mutex mutex_;
  std::shared_ptr<const v1::ProbeDescription> description_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<Upstream> upstream_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace probegate
