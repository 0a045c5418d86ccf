#include "telemetry/trace_context.h"

#include <string>

#include "gtest/gtest.h"

namespace probegate {
namespace {

constexpr char kTraceId[] = "4bf92f3577b34da6a3ce929d0e0e4736";
constexpr char kParentId[] = "00f067aa0ba902b7";

std::string With(const std::string& version, const std::string& flags) {
  return version + "-" + kTraceId + "-" + kParentId + "-" + flags;
}

TEST(Traceparent, AValidOneHasATraceId) {
  const std::string rows[] = {
      With("00", "01"),
      With("00", "00"),
      With("00", "ff"),
      With("01", "01"),
      With("fe", "00"),
      With("cc", "01") + "-",
      With("cc", "01") + "-what-the-future-will-be-like",
      With("01", "01") + std::string("-\0\n", 3),
  };
  for (const std::string& row : rows) EXPECT_EQ(TraceIdOf(row), kTraceId) << row;
}

TEST(Traceparent, AnInvalidOneHasNoTraceId) {
  const std::string trace = kTraceId;
  const std::string parent = kParentId;
  const std::string zeros(32, '0');
  const std::string rows[] = {
      "",
      "00",
      std::string(55, '-'),
      std::string(55, '0'),
      std::string(1 << 20, 'a'),
      With("ff", "01"),
      With("00", "01") + "-",
      With("00", "01") + "-extra",
      With("00", "01") + "x",
      With("01", "01") + ".extra",
      With("01", "01") + "0",
      With("00", "1"),
      With("0", "01"),
      With("00", "0x"),
      With("00", "0A"),
      With("0g", "01"),
      With("0A", "01"),
      " " + With("00", "01"),
      With("00", "01") + " ",
      With("00", "01") + "\n",
      "00-" + zeros + "-" + parent + "-01",
      "00-" + trace + "-" + zeros.substr(16) + "-01",
      "00-4BF92F3577B34DA6A3CE929D0E0E4736-" + parent + "-01",
      "00-" + trace + "-00F067AA0BA902B7-01",
      "00-" + trace.substr(1) + "g-" + parent + "-01",
      "00-" + trace.substr(1) + "-" + parent + "-01",
      "00-" + trace + "0-" + parent.substr(1) + "-01",
      "00_" + trace + "-" + parent + "-01",
      "00-" + trace + "_" + parent + "-01",
      "00-" + trace + "-" + parent + "_01",
      "00-" + trace + "-" + parent.substr(1) + std::string(1, '\0') + "-01",
      With("00", "01") + "," + With("00", "01"),
  };
  for (const std::string& row : rows) EXPECT_EQ(TraceIdOf(row), "") << row.substr(0, 100);
}

// At each position of a valid traceparent, only certain characters are allowed.
TEST(Traceparent, EveryCharacterIsChecked) {
  const std::string valid = With("00", "01");
  for (size_t at = 0; at < valid.size(); ++at) {
    for (const char wrong : {'G', 'F', ' ', '\0', '\x80', '/', ':', '`'}) {
      std::string text = valid;
      text[at] = wrong;
      EXPECT_EQ(TraceIdOf(text), "") << "at " << at << ": " << text;
    }
    EXPECT_EQ(TraceIdOf(valid.substr(0, at)), "") << at;
  }
}

}  // namespace
}  // namespace probegate
