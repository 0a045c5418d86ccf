#include "config/metrics_options.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "config/arguments.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace probegate {
namespace {

using testing::HasSubstr;

struct Parsed {
  std::optional<int> exit;
  MetricsOptions options;
  std::string out;
  std::string error;
};

Parsed Parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "program");
  CLI::App app("A program", "program");
  Parsed parsed;
  AddMetricsOption(app, parsed.options, "127.0.0.1:9464");
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  parsed.exit = ParseArguments(app, static_cast<int>(arguments.size()), arguments.data());
  parsed.out = testing::internal::GetCapturedStdout();
  parsed.error = testing::internal::GetCapturedStderr();
  return parsed;
}

TEST(MetricsOptions, HasTheDefaultAddress) {
  const Parsed parsed = Parse({});
  EXPECT_EQ(parsed.exit, std::nullopt);
  EXPECT_EQ(parsed.options.listen, (Endpoint{"127.0.0.1", 9464}));
}

TEST(MetricsOptions, TakesAnAddress) {
  EXPECT_EQ(Parse({"--metrics-listen", "0.0.0.0:0"}).options.listen, (Endpoint{"0.0.0.0", 0}));
  EXPECT_EQ(Parse({"--metrics-listen=[::1]:9999"}).options.listen, (Endpoint{"::1", 9999}));
}

TEST(MetricsOptions, NoneMeansNoAddress) {
  const Parsed parsed = Parse({"--metrics-listen", "none"});
  EXPECT_EQ(parsed.exit, std::nullopt);
  EXPECT_EQ(parsed.options.listen, std::nullopt);
}

TEST(MetricsOptions, AnInvalidAddressIsAnErrorOfOneLine) {
  for (const char* text : {"", "9464", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "None", "::1:9464"}) {
    const Parsed parsed = Parse({"--metrics-listen", text});
    EXPECT_EQ(parsed.exit, kUsageError) << text;
    EXPECT_THAT(parsed.error, HasSubstr("--metrics-listen")) << text;
    EXPECT_EQ(std::count(parsed.error.begin(), parsed.error.end(), '\n'), 1) << parsed.error;
  }
}

TEST(MetricsOptions, TheCommandLineTakesPrecedenceOverTheFile) {
  const std::string file = testing::TempDir() + "/metrics_options_test.yaml";
  std::ofstream(file) << "metrics-listen: none\n";
  EXPECT_EQ(Parse({"--config", file.c_str()}).options.listen, std::nullopt);
  EXPECT_EQ(Parse({"--config", file.c_str(), "--metrics-listen", "127.0.0.1:1"}).options.listen,
            (Endpoint{"127.0.0.1", 1}));
  std::ofstream(file) << "metrics-listen: '[::1]:7'\n";
  EXPECT_EQ(Parse({"--config", file.c_str()}).options.listen, (Endpoint{"::1", 7}));
  std::ofstream(file) << "metrics-listen: 7\n";
  EXPECT_THAT(Parse({"--config", file.c_str()}).error, HasSubstr("metrics-listen"));
}

TEST(MetricsOptions, HelpShowsTheDefault) {
  EXPECT_THAT(Parse({"--help"}).out, HasSubstr("--metrics-listen HOST:PORT|none [127.0.0.1:9464]"));
}

}  // namespace
}  // namespace probegate
