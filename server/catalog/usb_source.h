// The probes on this host's USB: serves each one from the time it is plugged in until it is unplugged.
//
// Each probe has a ProbeSource of its own. So a probe that does not answer does not delay the others, and a probe that
// was lost but is still plugged in is opened again. If a device cannot be read, or a probe cannot be opened, one line
// is logged; if the probe's ID is known, it also gets a row in the catalog with the reason. A device that looks like a
// probe and is not served is noted in the catalog as unserved.
//
// Threads: it has one, which looks at the devices on the bus whenever the bus reports a change.
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
  std::chrono::milliseconds no_bus{1000};   // before trying again on a system without USB
  std::chrono::milliseconds unsettled{50};  // before looking again at a device that the system is still setting up
};

class UsbSource {
 public:
  // Serves every probe that one of `drivers` recognizes. `catalog` and `log` must outlive the source.
  UsbSource(usb::BusOpener open, std::vector<usb::Driver> drivers, Catalog& catalog, Log& log,
            const UsbPauses& pauses = {});

  // Waits for tries that are in progress, for some seconds at most. Probes in the catalog stay there.
  ~UsbSource();
  UsbSource(const UsbSource&) = delete;
  UsbSource& operator=(const UsbSource&) = delete;

  // Makes the destructor's wait short.
  void StopTrying();

 private:
  // A probe that has no ProbeSource yet, because no thread could be started for it.
  struct Untried {
    usb::DeviceInfo device;
    usb::Function function;
    ProbeInfo known;
  };
  // A device that is plugged in, and its probes: none if it is not a debug probe.
  struct Place {
    uint64_t plug = 0;
    std::vector<ProbeInfo> probes;
    std::string location;
    std::vector<std::unique_ptr<ProbeSource>> sources;
    std::vector<Untried> untried;
  };
  struct Found {
    const usb::DeviceInfo* device;
    usb::Finding finding;
  };

  void Run();
  std::shared_ptr<usb::Bus> AwaitBus();
  // Brings places_ up to date with the bus. True if all devices are set up and every probe has a source.
  bool Update(const std::shared_ptr<usb::Bus>& bus);
  void Forget(const std::vector<usb::DeviceInfo>& devices);
  usb::Finding Find(const usb::DeviceInfo& device) const;
  void Serve(const std::shared_ptr<usb::Bus>& bus, const Found& found);
  // Notes why a device has no probe that could be served.
  void NoteUnserved(const Found& found, const std::string& location);
  // Starts a source for a probe. Returns the error if no thread can be started for it, else an empty string.
  std::string Try(const std::shared_ptr<usb::Bus>& bus, Place& place, const Untried& probe);
  void TryAgain(const std::shared_ptr<usb::Bus>& bus);
  bool IsKnown(uint64_t plug) const;
  // Waits until something may have changed, or for `time` if that is not 0. Returns false if the source is to stop.
  bool Await(std::chrono::milliseconds time);
  void OnChange();

  const usb::BusOpener open_;
  const std::vector<usb::Driver> drivers_;
  Catalog& catalog_;
  Log& log_;
  const UsbPauses pauses_;

  // Used only by the thread.
  std::list<Place> places_;
  UsbNames names_;

  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool dirty_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace probegate
