// Probes on USB: served while they are plugged in, or listed with the reason why they cannot be served.
#include "server/catalog/usb_source.h"

#include <atomic>

#include "gmock/gmock.h"
#include "probe/error.h"
#include "tests/base/no_threads.h"
#include "tests/fakes/fake_usb.h"
#include "tests/server/server_fixture.h"

namespace probegate {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using usb::DeviceInfo;

constexpr UsbPauses kShort{.probe = {.first = 1ms, .longest = 4ms, .unwanted = 1ms}, .no_bus = 1ms, .unsettled = 1ms};

// A driver that finds a probe in each vendor-specific interface that has a name. A probe named "bad" cannot be used.
class UsbSourceTest : public testing::Test {
 protected:
  std::vector<usb::Driver> Drivers() {
    return {[this](const DeviceInfo& device) {
      usb::Finding found;
      if (device.product == "ignored") return usb::Finding{.functions = {}, .unserved = "it is to be ignored"};
      for (const usb::Interface& interface : device.configuration.interfaces) {
        found.functions.push_back(
            {.interface = interface.number,
             .known = {.unique_id = interface.name == "own ID" ? "OWN" : "", .labels = {{"rack", "left"}}},
             .problem = interface.name == "bad" ? MakeError(ErrorKind::kProbeError, "it is bad") : absl::OkStatus(),
             .open = [this](std::unique_ptr<usb::Device> opened, const ProbeInfo& known) {
               return OpenProbe(std::move(opened), known);
             }});
      }
      return found;
    }};
  }

  absl::StatusOr<std::unique_ptr<Probe>> OpenProbe(std::unique_ptr<usb::Device> device, const ProbeInfo& known) {
    ++tries;
    MutexLock lock(mutex);
    if (!device->present()) return MakeError(ErrorKind::kProbeDisconnected, "gone");
    if (!answers) return MakeError(ErrorKind::kProbeError, "it does not answer");
    auto wire = std::make_shared<FakeWire>(FakeBoardOptions{}, FakeWire::DefaultInfo(known.unique_id));
    wires[known.unique_id] = wire;
    return std::make_unique<FakeProbe>(wire);
  }

  std::shared_ptr<FakeUsbState> NewState() {
    return std::make_shared<FakeUsbState>(
        std::make_unique<ScriptedUsbWire>([](const UsbWire::Packet&) { return std::vector<UsbWire::Packet>(); }));
  }
  uint64_t Plug(const DeviceInfo& info) { return ports.Plug(info, NewState()); }
  // Unplugs the device, and so its probe while its lane uses it, or while it is being opened.
  void Unplug(uint64_t plug, const std::string& unique_id) {
    MutexLock lock(mutex);
    wires.at(unique_id)->Unplug();
    ports.Unplug(plug);
  }
  void Start() { source.emplace(ports.opener(), Drivers(), server.catalog, server.log, kShort); }
  bool IsThere(const std::string& unique_id) {
    return Eventually([&] { return server.catalog.FindLane(unique_id).ok(); });
  }
  bool IsGone(const std::string& unique_id) {
    return Eventually([&] { return server.IsAway(unique_id); });
  }
  std::string Problem(const std::string& unique_id) { return server.catalog.Find(unique_id)->problem(); }
  bool SaysProblem(const std::string& unique_id, const std::string& part) {
    return Eventually([&] {
      const auto status = server.catalog.Find(unique_id);
      return status.ok() && status->problem().find(part) != std::string::npos;
    });
  }

  std::atomic<int> tries = 0;
  std::atomic<bool> answers = true;
  Mutex mutex;
  std::map<std::string, std::shared_ptr<FakeWire>> wires ABSL_GUARDED_BY(mutex);
  FakeUsbPorts ports;
  // Lanes do not check whether their probes are present, unless told to.
  ServerFixture server{{.catalog = {.lane = {.presence_interval = 1h}}}};
  std::optional<UsbSource> source;
};

TEST_F(UsbSourceTest, AProbeIsServedUntilItIsUnplugged) {
  const uint64_t early = Plug(BulkProbeInfo("1-1", "A1"));
  Start();
  EXPECT_TRUE(IsThere("A1"));
  EXPECT_EQ(server.catalog.Find("A1")->location(), "usb:1-1");
  Plug(BulkProbeInfo("1-2", "B2"));
  EXPECT_TRUE(IsThere("B2"));
  Unplug(early, "A1");
  EXPECT_TRUE(IsGone("A1"));
  EXPECT_TRUE(server.catalog.FindLane("B2").ok());
}

TEST_F(UsbSourceTest, AProbeIsServedAgainWhenPluggedInAgain) {
  Start();
  for (int i = 0; i < 100; ++i) {
    const uint64_t plug = Plug(BulkProbeInfo(i % 2 == 0 ? "1-1" : "1-2", "A1"));
    ASSERT_TRUE(IsThere("A1"));
    Unplug(plug, "A1");
    // Does not wait until the probe is gone: the next one arrives at once.
    if (i % 3 == 0) {
      ASSERT_TRUE(IsGone("A1"));
    }
  }
}

TEST_F(UsbSourceTest, AProbeIsAwayUntilAThreadCanBeStartedForIt) {
  Plug(BulkProbeInfo("1-1", "A1"));
  Start();
  ASSERT_TRUE(IsThere("A1"));
  {
    const NoThreads no_threads;
    Plug(BulkProbeInfo("1-2", "B2"));
    const uint64_t brief = Plug(BulkProbeInfo("1-3", "C3"));
    for (const char* id : {"B2", "C3"}) EXPECT_TRUE(SaysProblem(id, "cannot start a thread for the probe"));
    ports.Unplug(brief);
    EXPECT_TRUE(SaysProblem("C3", "it was unplugged"));
    EXPECT_TRUE(server.catalog.FindLane("A1").ok());
  }
  EXPECT_TRUE(IsThere("B2"));
}

TEST_F(UsbSourceTest, AProbeLostWhilePluggedInIsOpenedAgain) {
  Plug(BulkProbeInfo("1-1", "A1"));
  Start();
  ASSERT_TRUE(IsThere("A1"));
  {
    MutexLock lock(mutex);
    wires.at("A1")->Unplug();
  }
  server.catalog.CheckPresence("A1");
  EXPECT_TRUE(Eventually([&] { return tries > 1; }));
  EXPECT_TRUE(IsThere("A1"));
}

TEST_F(UsbSourceTest, AProbeThatCannotBeOpenedIsListedWithTheReason) {
  const auto state = NewState();
  state->open_error = MakeError(ErrorKind::kUnsupported, "no permission to open it");
  const uint64_t plug = ports.Plug(BulkProbeInfo("1-1", "A1"), state);
  Start();
  ASSERT_TRUE(SaysProblem("A1", "cannot open the probe at usb:1-1 (/dev/bus/usb/fake): no permission to open it"));
  EXPECT_TRUE(server.IsAway("A1"));
  EXPECT_EQ(server.catalog.Find("A1")->description().product_name(), "DAPLink CMSIS-DAP");
  EXPECT_EQ(server.catalog.Find("A1")->description().labels().at("rack"), "left");
  EXPECT_THAT(std::string(server.catalog.FindLane("A1").status().message()), HasSubstr("no permission"));
  ports.Unplug(plug);
  EXPECT_TRUE(SaysProblem("A1", "it was unplugged"));
  Plug(BulkProbeInfo("1-1", "A1"));
  EXPECT_TRUE(IsThere("A1"));
  EXPECT_EQ(Problem("A1"), "");
}

TEST_F(UsbSourceTest, AProbeThatDoesNotAnswerIsRetriedUntilItDoes) {
  answers = false;
  Plug(BulkProbeInfo("1-1", "A1"));
  Start();
  ASSERT_TRUE(SaysProblem("A1", "cannot use the probe at usb:1-1 (/dev/bus/usb/fake): it does not answer"));
  ASSERT_TRUE(Eventually([&] { return tries > 3; }));
  answers = true;
  EXPECT_TRUE(IsThere("A1"));
}

TEST_F(UsbSourceTest, AnUnusableDeviceDoesNotDisturbTheOthers) {
  DeviceInfo malformed = BulkProbeInfo("1-1", "M");
  malformed.problem = MakeError(ErrorKind::kProbeError, "malformed USB descriptors");
  DeviceInfo bad = BulkProbeInfo("1-2", "B2");
  bad.configuration.interfaces[0].name = "bad";
  DeviceInfo other = BulkProbeInfo("1-3", "O");
  other.configuration.interfaces.clear();
  Plug(malformed);
  Plug(bad);
  Plug(other);
  Plug(BulkProbeInfo("1-4", "A1"));
  Start();
  EXPECT_TRUE(IsThere("A1"));
  EXPECT_EQ(Problem("B2"), "it is bad");
  EXPECT_EQ(server.catalog.List().size(), 2u);
  EXPECT_EQ(tries, 1);
}

TEST_F(UsbSourceTest, ADeviceThatLooksLikeAProbeIsListedWithTheReason) {
  DeviceInfo ignored = BulkProbeInfo("1-1", "I");
  ignored.product = "ignored";
  DeviceInfo malformed = BulkProbeInfo("1-2", "M");
  malformed.problem = MakeError(ErrorKind::kProbeError, "malformed USB descriptors");
  DeviceInfo likely = BulkProbeInfo("1-3", "L");
  likely.configuration.interfaces.clear();
  likely.descriptor = {.vendor_id = 0x1366, .product_id = 0x0101};
  DeviceInfo other = BulkProbeInfo("1-4", "O");
  other.configuration.interfaces.clear();
  other.product = "Mouse";
  const uint64_t plug = Plug(ignored);
  Plug(malformed);
  Plug(likely);
  Plug(other);
  Plug(BulkProbeInfo("1-5", "A1"));
  Start();
  ASSERT_TRUE(IsThere("A1"));
  const auto unserved = [this] {
    std::vector<std::string> all;
    for (const v1::UnservedDevice& one : server.catalog.unserved().List()) {
      all.push_back(one.location() + " " + one.usb_id() + " " + one.unique_id() + ": " + one.reason());
    }
    return all;
  };
  EXPECT_THAT(unserved(), testing::ElementsAre("usb:1-1 0d28:0204 I: it is to be ignored",
                                               "usb:1-2 0d28:0204 M: malformed USB descriptors",
                                               HasSubstr("usb:1-3 1366:0101 L: it is a J-Link")));
  ports.Unplug(plug);
  EXPECT_TRUE(Eventually([&] { return unserved().size() == 2; }));
}

TEST_F(UsbSourceTest, ADriverCanGiveAProbeAnotherUniqueId) {
  DeviceInfo info = BulkProbeInfo("1-1", "A1");
  info.configuration.interfaces[0].name = "own ID";
  const uint64_t plug = Plug(info);
  Start();
  EXPECT_TRUE(IsThere("OWN"));
  Unplug(plug, "OWN");
  EXPECT_TRUE(IsGone("OWN"));
}

TEST_F(UsbSourceTest, ADeviceThatIsStillBeingSetUpIsWaitedFor) {
  DeviceInfo info = BulkProbeInfo("1-1", "A1");
  info.settled = false;
  const uint64_t plug = Plug(info);
  Plug(BulkProbeInfo("1-2", "B2"));
  Start();
  ASSERT_TRUE(IsThere("B2"));
  EXPECT_FALSE(server.catalog.Find("A1").ok());
  info.settled = true;
  ports.Settle(plug, info);  // without a notification
  EXPECT_TRUE(IsThere("A1"));
}

TEST_F(UsbSourceTest, TwoDevicesWithOneSerialNumberAreNamedByTheirPlaces) {
  Plug(BulkProbeInfo("1-1", "A1"));
  const uint64_t second = Plug(BulkProbeInfo("1-2", "A1"));
  Plug(BulkProbeInfo("1-3", ""));
  Start();
  EXPECT_TRUE(IsThere("A1@1-1"));
  EXPECT_TRUE(IsThere("A1@1-2"));
  EXPECT_TRUE(IsThere("0d28:0204@1-3"));
  // Even after the other one has gone.
  Unplug(second, "A1@1-2");
  ASSERT_TRUE(IsGone("A1@1-2"));
  Plug(BulkProbeInfo("1-2", "A1"));
  EXPECT_TRUE(IsThere("A1@1-2"));
}

TEST_F(UsbSourceTest, ASecondDeviceWithTheSameSerialNumberDoesNotRenameTheFirst) {
  Plug(BulkProbeInfo("1-1", "A1"));
  Start();
  ASSERT_TRUE(IsThere("A1"));
  Plug(BulkProbeInfo("1-2", "A1"));
  EXPECT_TRUE(IsThere("A1@1-2"));
  EXPECT_TRUE(server.catalog.FindLane("A1").ok());
}

TEST_F(UsbSourceTest, EachProbeInADeviceIsServed) {
  DeviceInfo info = BulkProbeInfo("1-1", "A1");
  info.configuration.interfaces.push_back(info.configuration.interfaces[0]);
  info.configuration.interfaces[1].number = 4;
  const uint64_t plug = Plug(info);
  Start();
  EXPECT_TRUE(IsThere("A1-if1"));
  EXPECT_TRUE(IsThere("A1-if4"));
  {
    MutexLock lock(mutex);
    for (const auto& [id, wire] : wires) wire->Unplug();
  }
  ports.Unplug(plug);
  EXPECT_TRUE(IsGone("A1-if1"));
  EXPECT_TRUE(IsGone("A1-if4"));
}

TEST_F(UsbSourceTest, RetriesUntilTheSystemHasUsb) {
  ports.SetAvailable(false);
  Plug(BulkProbeInfo("1-1", "A1"));
  Start();
  ASSERT_TRUE(Eventually([&] { return ports.opened() > 3; }));
  EXPECT_FALSE(server.catalog.Find("A1").ok());
  ports.SetAvailable(true);
  EXPECT_TRUE(IsThere("A1"));
}

TEST_F(UsbSourceTest, EndsPromptlyWhileWaiting) {
  ports.SetAvailable(false);
  UsbPauses long_pauses = kShort;
  long_pauses.no_bus = 1h;
  source.emplace(ports.opener(), Drivers(), server.catalog, server.log, long_pauses);
  ASSERT_TRUE(Eventually([&] { return ports.opened() == 1; }));
  source.reset();
  ports.SetAvailable(true);
  Plug(BulkProbeInfo("1-1", "A1"));
  Start();
  ASSERT_TRUE(IsThere("A1"));
  source.reset();
  EXPECT_TRUE(server.catalog.FindLane("A1").ok()) << "a probe in the catalog stays there";
}

class UidTest : public UsbSourceTest {
 protected:
  UidTest() : chosen({.catalog = {.uids = {"B2"}}}) {}
  ServerFixture chosen;
};

TEST_F(UidTest, AnExcludedProbeIsNotOpened) {
  Plug(BulkProbeInfo("1-1", "A1"));
  Plug(BulkProbeInfo("1-2", "B2"));
  UsbSource chosen_source(ports.opener(), Drivers(), chosen.catalog, chosen.log, kShort);
  ASSERT_TRUE(Eventually([&] { return chosen.catalog.FindLane("B2").ok(); }));
  chosen_source.StopTrying();
  EXPECT_FALSE(chosen.catalog.Find("A1").ok());
  EXPECT_EQ(tries, 1);
  ASSERT_TRUE(Eventually([&] { return chosen.catalog.unserved().List().size() == 1; }));
  EXPECT_THAT(chosen.catalog.unserved().List()[0].reason(), HasSubstr("not selected by --uid"));
  EXPECT_EQ(chosen.catalog.unserved().List()[0].unique_id(), "A1");
}

}  // namespace
}  // namespace probegate
