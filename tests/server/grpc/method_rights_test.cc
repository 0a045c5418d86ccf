// Every method that the server's services have takes a right, or says that it takes none.
#include "server/access/method_rights.h"

#include <set>
#include <string>

#include "gtest/gtest.h"
#include "probegate/v1/debug_probe.grpc.pb.h"
#include "probegate/v1/probe_directory.grpc.pb.h"
#include "telemetry/grpc/rpc_metrics.h"
#include "tests/access/service/method_rows.h"

namespace probegate {
namespace {

TEST(MethodRightsTest, EveryMethodHasARow) {
  std::set<std::string> methods;
  for (const RpcMethod& method :
       MethodsOf({v1::DebugProbe::service_full_name(), v1::ProbeDirectory::service_full_name()})) {
    methods.insert(method.path());
  }
  ExpectARowForEach(methods, ServerMethods(), "server/access/method_rights.cc");
}

}  // namespace
}  // namespace probegate
