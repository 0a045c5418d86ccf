// A device without its cable: descriptors, control requests, and packets through its CMSIS-DAP interfaces.
#include "tests/usbemu/device_model.h"

#include <stdexcept>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace probegate::usbemu {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint8_t kIn = 0x81;
constexpr uint8_t kOut = 0x01;

class DeviceModelTest : public ::testing::Test {
 protected:
  DeviceModel Make(const std::string& device, Speed speed = Speed::kFull) {
    return {ParseDevice(device), speed, [this](const Bytes& request) { requests_.push_back(request); }};
  }
  // All packets in the endpoint, joined together.
  static std::vector<size_t> SizesOf(DeviceModel& model, uint8_t endpoint) {
    std::vector<size_t> sizes;
    while (const Bytes* packet = model.NextIn(endpoint)) {
      sizes.push_back(packet->size());
      model.TakenIn(endpoint);
    }
    return sizes;
  }

  std::vector<Bytes> requests_;
};

// The lengths and counts in the descriptors are correct.
TEST_F(DeviceModelTest, ConfigurationIsConsistent) {
  for (const char* device :
       {"cmsis-dap-v2", "cmsis-dap-v1", "composite", "composite,swo=on,functions=v2+v2+v1+cdc+msc"}) {
    const DeviceModel model = Make(device);
    const Bytes& bytes = model.descriptors().configuration;
    EXPECT_EQ(bytes.size(), bytes[2] | bytes[3] << 8) << device;
    size_t interfaces = 0;
    size_t endpoints = 0;
    size_t at = 0;
    for (; at < bytes.size(); at += bytes[at]) {
      ASSERT_GE(bytes[at], 2) << device;
      if (bytes[at + 1] == 4) ++interfaces;
      if (bytes[at + 1] == 5) ++endpoints;
    }
    EXPECT_EQ(at, bytes.size()) << device;
    EXPECT_EQ(interfaces, bytes[4]) << device;
    size_t known = 0;
    for (const Interface& interface : model.descriptors().interfaces) known += interface.endpoints.size();
    EXPECT_EQ(endpoints, known) << device;
  }
}

TEST_F(DeviceModelTest, TextIsUtf16) {
  const DeviceModel model = Make("cmsis-dap-v2,product=é€\xF0\x9F\x98\x80\xFF");
  EXPECT_THAT(model.descriptors().strings.at(2),
              ElementsAre(12, 3, 0xE9, 0x00, 0xAC, 0x20, 0x3D, 0xD8, 0x00, 0xDE, 0xFD, 0xFF));
}

TEST_F(DeviceModelTest, ShortPacketEndsARequest) {
  DeviceModel model = Make("cmsis-dap-v2,packet-size=256");
  EXPECT_TRUE(model.Out(kOut, Bytes(64, 0x7F)));
  EXPECT_THAT(requests_, IsEmpty());
  EXPECT_TRUE(model.Out(kOut, Bytes(3, 0x01)));
  ASSERT_EQ(requests_.size(), 1u);
  EXPECT_EQ(requests_[0].size(), 67u);
}

TEST_F(DeviceModelTest, PacketWithoutDataEndsARequest) {
  DeviceModel model = Make("cmsis-dap-v2,packet-size=256");
  EXPECT_TRUE(model.Out(kOut, Bytes(64, 0x7F)));
  EXPECT_TRUE(model.Out(kOut, Bytes()));
  ASSERT_EQ(requests_.size(), 1u);
  EXPECT_EQ(requests_[0].size(), 64u);
  // On its own, an empty packet is not a request.
  EXPECT_TRUE(model.Out(kOut, Bytes()));
  EXPECT_EQ(requests_.size(), 1u);
}

TEST_F(DeviceModelTest, FullPacketOfTheProbeEndsARequest) {
  DeviceModel model = Make("cmsis-dap-v2,packet-size=128");
  EXPECT_TRUE(model.Out(kOut, Bytes(64, 0x01)));
  EXPECT_TRUE(model.Out(kOut, Bytes(64, 0x02)));
  ASSERT_EQ(requests_.size(), 1u);
  EXPECT_EQ(requests_[0].size(), 128u);
}

// The host can detect the end of a reply, whatever its length.
TEST_F(DeviceModelTest, TheEndOfAReplyIsDetectable) {
  DeviceModel model = Make("cmsis-dap-v2,packet-size=256");
  const auto reply = [&](size_t size) {
    EXPECT_TRUE(model.Out(kOut, Bytes{0x01}));
    model.Reply(Bytes(size, 0x01));
    return SizesOf(model, kIn);
  };
  EXPECT_THAT(reply(3), ElementsAre(3));
  EXPECT_THAT(reply(64), ElementsAre(64, 0));
  EXPECT_THAT(reply(65), ElementsAre(64, 1));
  EXPECT_THAT(reply(256), ElementsAre(64, 64, 64, 64));
  EXPECT_THAT(reply(300), ElementsAre(64, 64, 64, 64));  // a probe never sends more than its packet size
}

TEST_F(DeviceModelTest, HasRoomForItsPackets) {
  DeviceModel model = Make("cmsis-dap-v2,packet-count=2");
  EXPECT_TRUE(model.Out(kOut, Bytes{0x01}));
  EXPECT_TRUE(model.Out(kOut, Bytes{0x01}));
  EXPECT_FALSE(model.Out(kOut, Bytes{0x01}));
  EXPECT_TRUE(model.Out(kOut, Bytes{0x07}));  // DAP_TransferAbort, which has no reply
  model.Reply({0x01});
  EXPECT_FALSE(model.Out(kOut, Bytes{0x01}));  // the reply is still in the endpoint
  model.TakenIn(kIn);
  EXPECT_TRUE(model.Out(kOut, Bytes{0x01}));
  EXPECT_EQ(requests_.size(), 4u);
}

TEST_F(DeviceModelTest, RepliesGoToTheInterfaceThatAsked) {
  DeviceModel model = Make("composite,functions=v2+v1");
  EXPECT_TRUE(model.Out(0x02, Bytes(64, 0x03)));
  EXPECT_TRUE(model.Out(kOut, Bytes{0x01}));
  model.Reply({0x03});
  model.Reply({0x01});
  EXPECT_THAT(SizesOf(model, 0x82), ElementsAre(64));
  EXPECT_THAT(SizesOf(model, kIn), ElementsAre(1));
}

// The board's answer to a request from before a reset is dropped.
TEST_F(DeviceModelTest, ResetDropsRequests) {
  DeviceModel model = Make("cmsis-dap-v2");
  EXPECT_TRUE(model.Out(kOut, Bytes{0x01}));
  model.SetHalted(kIn, true);
  model.Reset();
  EXPECT_FALSE(model.halted(kIn));
  EXPECT_TRUE(model.Out(kOut, Bytes{0x02}));
  model.Reply({0x01});
  EXPECT_EQ(model.NextIn(kIn), nullptr);
  model.Reply({0x02});
  ASSERT_NE(model.NextIn(kIn), nullptr);
  EXPECT_THAT(*model.NextIn(kIn), ElementsAre(0x02));
}

TEST_F(DeviceModelTest, ControlRequests) {
  DeviceModel model = Make("composite,functions=v1+cdc+msc+kbd");
  const auto get = [&](uint8_t type, uint8_t request, uint16_t value, uint16_t index) {
    return model.Control({type, request, value, index, 255}, {});
  };
  EXPECT_EQ(get(0x80, 6, 0x0100, 0), model.descriptors().device);
  EXPECT_EQ(get(0x80, 6, 0x03EE, 0), std::nullopt);
  EXPECT_EQ(get(0x81, 6, 0x2200, 0), model.descriptors().interfaces[0].report);
  EXPECT_EQ(get(0x81, 6, 0x2200, 1), std::nullopt);
  EXPECT_EQ(get(0x81, 6, 0x2200, 4), model.descriptors().interfaces[4].report);
  EXPECT_NE(model.descriptors().interfaces[4].report, model.descriptors().interfaces[0].report);
  EXPECT_EQ(get(0xA1, 0xFE, 0, 3), Bytes{0});  // one drive
  EXPECT_EQ(get(0xA1, 0xFE, 0, 9), std::nullopt);
  const Bytes line = {0x00, 0x4B, 0x00, 0x00, 0, 0, 8};
  EXPECT_EQ(model.Control({0x21, 0x20, 0, 1, 7}, line), Bytes{});
  EXPECT_EQ(get(0xA1, 0x21, 0, 1), line);
  EXPECT_EQ(model.Control({0x02, 3, 0, kIn, 0}, {}), Bytes{});  // halt it
  EXPECT_EQ(get(0x82, 0, 0, kIn), (Bytes{1, 0}));
}

TEST_F(DeviceModelTest, EachMalformationChangesSomething) {
  const DeviceModel right = Make("composite");
  size_t rows = 0;
  for (const char* name : {"total-length-long", "length-zero", "no-interfaces", "packet-zero", "device-short",
                           "string-odd", "string-surrogates", "string-stall", "report-cut", "report-endless"}) {
    const DeviceModel wrong = Make(std::string("composite,malformed=") + name);
    const bool same = wrong.descriptors().device == right.descriptors().device &&
                      wrong.descriptors().configuration == right.descriptors().configuration &&
                      wrong.descriptors().strings == right.descriptors().strings &&
                      wrong.descriptors().interfaces[3].report == right.descriptors().interfaces[3].report;
    EXPECT_FALSE(same) << name;
    ++rows;
  }
  EXPECT_EQ(rows, 10u);
  EXPECT_THROW(ParseDevice("composite,malformed=not"), std::invalid_argument);
}

constexpr uint8_t kTraceIn = 0x82;

TEST_F(DeviceModelTest, TheTraceEndpointHasItsOwnPackets) {
  DeviceModel model = Make("cmsis-dap-v2,swo=on");
  ASSERT_EQ(model.trace_endpoint(), kTraceIn);
  EXPECT_EQ(model.NextIn(kTraceIn), nullptr);
  model.Trace(Bytes(130, 7));
  EXPECT_EQ(model.NextIn(kIn), nullptr);
  EXPECT_THAT(SizesOf(model, kTraceIn), ElementsAre(64, 64, 2));
  model.Trace(Bytes(64, 7));
  EXPECT_THAT(SizesOf(model, kTraceIn), ElementsAre(64));  // no empty packet follows
  model.Trace(Bytes(1, 7));
  model.Reset();
  EXPECT_EQ(model.NextIn(kTraceIn), nullptr);
  EXPECT_EQ(Make("cmsis-dap-v2").trace_endpoint(), std::nullopt);
}

TEST_F(DeviceModelTest, HangingFirmwareTakesEverythingAndAnswersNothingUntilReset) {
  DeviceModel model = Make("cmsis-dap-v2,swo=on");
  EXPECT_TRUE(model.Out(kOut, Bytes{0x11}));
  model.Hang();
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(model.Out(kOut, Bytes{0x12}));
  EXPECT_EQ(requests_.size(), 1u);
  model.Reply({0x11, 0});
  model.Trace(Bytes(1, 7));
  EXPECT_EQ(model.NextIn(kIn), nullptr);
  EXPECT_EQ(model.NextIn(kTraceIn), nullptr);
  model.Reset();
  EXPECT_FALSE(model.hung());
  EXPECT_TRUE(model.Out(kOut, Bytes{0x13}));
  model.Reply({0x13, 0});
  ASSERT_NE(model.NextIn(kIn), nullptr);
  EXPECT_THAT(*model.NextIn(kIn), ElementsAre(0x13, 0));
}

}  // namespace
}  // namespace probegate::usbemu
