// The USB of this host: serves each probe that is plugged in, from when it comes until it goes.
//
// Each probe has a ProbeSource of its own, so that one that does not answer keeps no other waiting, and one that was
// lost while it stays plugged in is opened again. A device that cannot be read, or a probe that cannot be opened, costs
// a line in the log and, where it is known who it is, a row in the catalog that says why.
//
// Threads: it has one, on which it looks at the bus whenever that says that something changed.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "probe/usb/bus.h"
#include "probe/usb/driver.h"
#include "server/catalog/catalog.h"
#include "server/catalog/probe_source.h"
#include "server/catalog/usb_names.h"
#include "telemetry/log.h"

namespace probegate {

struct UsbPauses {
  RetryPauses probe{.first = std::chrono::milliseconds(50), .unwanted = std::chrono::milliseconds(500)};
  std::chrono::milliseconds no_bus{1000};   // before a system without USB is looked at again
  std::chrono::milliseconds unsettled{50};  // before a device is, which the system still sets up
};

class UsbSource {
 public:
  // Whatever one of `drivers` finds is a probe. `catalog` and `log` must outlive the source.
  UsbSource(usb::BusOpener open, std::vector<usb::Driver> drivers, Catalog& catalog, Log& log,
            const UsbPauses& pauses = {});

  // Waits for what is under way, some seconds at most. Probes in the catalog stay there.
  ~UsbSource();
  UsbSource(const UsbSource&) = delete;
  UsbSource& operator=(const UsbSource&) = delete;

  // Makes the destructor's wait short.
  void StopTrying();

 private:
  // A probe that nobody sees to yet.
  struct Untried {
    usb::DeviceInfo device;
    usb::Function function;
    ProbeInfo known;
  };
  // A device that is plugged in, and the probes in it: none where it is no probe.
  struct Place {
    uint64_t plug = 0;
    std::vector<ProbeInfo> probes;
    std::string location;
    std::list<ProbeSource> sources;
    std::vector<Untried> untried;
  };
  struct Found {
    const usb::DeviceInfo* device;
    std::vector<usb::Function> functions;
  };

  void Run();
  std::shared_ptr<usb::Bus> AwaitBus();
  // Whether all devices are settled, and their probes seen to.
  bool Update(const std::shared_ptr<usb::Bus>& bus);
  void Forget(const std::vector<usb::DeviceInfo>& devices);
  std::vector<usb::Function> Find(const usb::DeviceInfo& device) const;
  void Serve(const std::shared_ptr<usb::Bus>& bus, const Found& found);
  // Has a source see to a probe; why not, where the system gives no thread for it.
  std::string Try(const std::shared_ptr<usb::Bus>& bus, Place& place, const Untried& probe);
  void TryAgain(const std::shared_ptr<usb::Bus>& bus);
  bool IsKnown(uint64_t plug) const;
  // False when the source is to stop. Returns when something may have changed, or `time` has passed where it is not 0.
  bool Await(std::chrono::milliseconds time);
  void OnChange();

  const usb::BusOpener open_;
  const std::vector<usb::Driver> drivers_;
  Catalog& catalog_;
  Log& log_;
  const UsbPauses pauses_;

  // The thread's own.
  std::list<Place> places_;
  UsbNames names_;

  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool dirty_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace probegate
