#include "server/catalog/usb_source.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "probe/error.h"
#include "probe/usb/likely_probes.h"

namespace probegate {
namespace {

// Adds to an error's message which device it is about.
absl::Status About(const absl::Status& status, const std::string& what) {
  return MakeError(GetError(status).kind, absl::StrCat(what, ": ", status.message()));
}

ProbeSource::Opener OpenerOf(std::shared_ptr<usb::Bus> bus, const usb::DeviceInfo& device,
                             const usb::Function& function, const ProbeInfo& known) {
  const std::string name = absl::StrCat("the probe at usb:", device.path, " (", device.node, ")");
  return [bus = std::move(bus), plug = device.plug, open = function.open, known,
          name]() -> absl::StatusOr<std::unique_ptr<Probe>> {
    auto opened = bus->Open(plug);
    if (!opened.ok()) return About(opened.status(), "cannot open " + name);
    auto probe = open(*std::move(opened), known);
    if (!probe.ok()) return About(probe.status(), "cannot use " + name);
    return probe;
  };
}

}  // namespace

UsbSource::UsbSource(usb::BusOpener open, std::vector<usb::Driver> drivers, Catalog& catalog, Log& log,
                     const UsbPauses& pauses)
    : open_(std::move(open)),
      drivers_(std::move(drivers)),
      catalog_(catalog),
      log_(log),
      pauses_(pauses),
      thread_([this] { Run(); }) {}

UsbSource::~UsbSource() {
  StopTrying();
  thread_.join();
}

void UsbSource::StopTrying() {
  MutexLock lock(mutex_);
  stopping_ = true;
  changed_.NotifyAll();
}

void UsbSource::OnChange() {
  MutexLock lock(mutex_);
  dirty_ = true;
  changed_.NotifyAll();
}

bool UsbSource::Await(std::chrono::milliseconds time) {
  const auto deadline = std::chrono::steady_clock::now() + time;
  MutexLock lock(mutex_);
  while (!stopping_ && !dirty_) {
    if (time.count() == 0) {
      changed_.Wait(mutex_);
    } else if (!changed_.WaitUntil(mutex_, deadline)) {
      break;
    }
  }
  dirty_ = false;
  return !stopping_;
}

void UsbSource::Run() {
  const std::shared_ptr<usb::Bus> bus = AwaitBus();
  if (bus == nullptr) return;
  log_.Info("usb.watching", {{"by", bus->watched_by()}});
  bool settled = true;
  do {
    settled = Update(bus);
  } while (Await(settled ? std::chrono::milliseconds(0) : pauses_.unsettled));
  for (Place& place : places_) {
    for (const auto& source : place.sources) source->StopTrying();
  }
  places_.clear();
}

// Returns null if the source is to stop.
std::shared_ptr<usb::Bus> UsbSource::AwaitBus() {
  std::string reported;
  do {
    auto bus = open_([this] { OnChange(); });
    if (bus.ok()) return *std::move(bus);
    const std::string why(bus.status().message());
    if (std::exchange(reported, why) != why) log_.Info("usb.unavailable", {{"reason", why}});
  } while (Await(pauses_.no_bus));
  return nullptr;
}

bool UsbSource::Update(const std::shared_ptr<usb::Bus>& bus) {
  const std::vector<usb::DeviceInfo> devices = bus->List();
  Forget(devices);
  TryAgain(bus);
  bool settled = true;
  std::vector<Found> all;
  std::vector<const usb::DeviceInfo*> probes;
  for (const usb::DeviceInfo& device : devices) {
    settled = settled && device.settled;
    if (!device.settled) continue;
    all.push_back({&device, Find(device)});
    if (!all.back().finding.functions.empty()) probes.push_back(&device);
  }
  names_.See(probes);
  for (const Found& found : all) {
    if (!IsKnown(found.device->plug)) Serve(bus, found);
  }
  const auto is_tried = [](const Place& place) { return place.untried.empty(); };
  return settled && std::all_of(places_.begin(), places_.end(), is_tried);
}

bool UsbSource::IsKnown(uint64_t plug) const {
  return std::any_of(places_.begin(), places_.end(), [plug](const Place& place) { return place.plug == plug; });
}

// Forgets the devices that are no longer among `devices`.
void UsbSource::Forget(const std::vector<usb::DeviceInfo>& devices) {
  std::list<Place> gone;
  for (auto place = places_.begin(); place != places_.end();) {
    const auto next = std::next(place);
    const bool here = std::any_of(devices.begin(), devices.end(),
                                  [&](const usb::DeviceInfo& device) { return device.plug == place->plug; });
    if (!here) gone.splice(gone.end(), places_, place);
    place = next;
  }
  for (Place& place : gone) {
    for (const auto& source : place.sources) source->StopTrying();
    for (const ProbeInfo& probe : place.probes) catalog_.CheckPresence(probe.unique_id);
  }
  for (Place& place : gone) {
    place.sources.clear();
    catalog_.unserved().Forget(place.location);
    for (const ProbeInfo& probe : place.probes) catalog_.ReportAway(probe, place.location, "it was unplugged");
  }
}

usb::Finding UsbSource::Find(const usb::DeviceInfo& device) const {
  usb::Finding all;
  if (!device.problem.ok()) return all;
  for (const usb::Driver& driver : drivers_) {
    usb::Finding found = driver(device);
    std::move(found.functions.begin(), found.functions.end(), std::back_inserter(all.functions));
    if (all.unserved.empty()) all.unserved = std::move(found.unserved);
  }
  if (all.functions.empty() && all.unserved.empty()) all.unserved = usb::WhyNotServed(device);
  return all;
}

void UsbSource::NoteUnserved(const Found& found, const std::string& location) {
  const usb::DeviceInfo& device = *found.device;
  std::string reason(device.problem.message());
  if (device.problem.ok()) {
    reason = found.finding.unserved;
    log_.Info("usb.unserved", {{"location", location}, {"reason", reason}});
  }
  const usb::DeviceDescriptor& descriptor = device.descriptor;
  catalog_.unserved().Note({.location = location,
                            .unique_id = device.serial,
                            .vendor_name = device.manufacturer,
                            .product_name = device.product,
                            .usb_id = absl::StrFormat("%04x:%04x", descriptor.vendor_id, descriptor.product_id),
                            .reason = std::move(reason)});
}

void UsbSource::Serve(const std::shared_ptr<usb::Bus>& bus, const Found& found) {
  const usb::DeviceInfo& device = *found.device;
  Place& place = places_.emplace_back(Place{.plug = device.plug, .location = absl::StrCat("usb:", device.path)});
  if (!device.problem.ok()) {
    log_.Warning("usb.unusable", {{"location", place.location}, {"reason", std::string(device.problem.message())}});
  }
  const std::vector<usb::Function>& functions = found.finding.functions;
  if (functions.empty() && !(device.problem.ok() && found.finding.unserved.empty()))
    NoteUnserved(found, place.location);
  for (const usb::Function& function : functions) {
    ProbeInfo known = function.known;
    if (known.unique_id.empty()) known.unique_id = names_.UniqueId(device, function.interface, functions.size() > 1);
    known.vendor_name = device.manufacturer;
    known.product_name = device.product;
    place.probes.push_back(known);
    std::string problem(function.problem.message());
    if (function.problem.ok()) {
      Untried probe{device, function, known};
      problem = Try(bus, place, probe);
      if (problem.empty()) continue;
      place.untried.push_back(std::move(probe));
    }
    log_.Warning("usb.unusable", {{"location", place.location}, {"reason", problem}});
    catalog_.ReportAway(known, place.location, problem);
  }
}

std::string UsbSource::Try(const std::shared_ptr<usb::Bus>& bus, Place& place, const Untried& probe) {
  auto source = ProbeSource::Start(place.location, OpenerOf(bus, probe.device, probe.function, probe.known), catalog_,
                                   log_, pauses_.probe, probe.known);
  if (!source.ok()) return std::string(source.status().message());
  place.sources.push_back(*std::move(source));
  return {};
}

void UsbSource::TryAgain(const std::shared_ptr<usb::Bus>& bus) {
  for (Place& place : places_) {
    std::erase_if(place.untried, [&](const Untried& probe) { return Try(bus, place, probe).empty(); });
  }
}

}  // namespace probegate
