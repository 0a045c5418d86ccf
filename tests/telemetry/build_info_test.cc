#include "telemetry/build_info.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace probegate {
namespace {

TEST(BuildInfo, NamesTheProgramAndItsVersion) {
  MetricSet metrics;
  const Gauge info = ShowBuildInfo(metrics, "probegate-server");
  EXPECT_THAT(
      metrics.Expose(),
      testing::HasSubstr("\nprobegate_build_info{program=\"probegate-server\",version=\"" PROBEGATE_VERSION "\"} 1\n"));
}

}  // namespace
}  // namespace probegate
