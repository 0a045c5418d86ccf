// Every method that probegate-debugd's services have takes a right, or says that it takes none.
#include "debug/method_rights.h"

#include <set>
#include <string>

#include <google/protobuf/descriptor.h>

#include "cc/arduino/cli/commands/v1/debug.pb.h"
#include "cc/arduino/cli/debug/debug.pb.h"
#include "cc/arduino/cli/debug/v1/debug.pb.h"
#include "gtest/gtest.h"
#include "probegate/v1/debug_files.pb.h"
#include "telemetry/grpc/rpc_metrics.h"
#include "tests/access/service/method_rows.h"

namespace probegate {
namespace {

TEST(DebugMethodRightsTest, EveryMethodHasARow) {
  std::set<std::string> methods;
  for (const google::protobuf::FileDescriptor* file :
       {cc::arduino::cli::debug::DebugReq::descriptor()->file(),
        cc::arduino::cli::debug::v1::DebugRequest::descriptor()->file(),
        cc::arduino::cli::commands::v1::DebugRequest::descriptor()->file(),
        v1::UploadElfRequest::descriptor()->file()}) {
    ASSERT_GT(file->service_count(), 0) << file->name();
    for (const RpcMethod& method : MethodsOf({file->service(0)->full_name()})) {
      methods.insert(method.path());
    }
  }
  ExpectARowForEach(methods, DebugMethods(), "debug/method_rights.cc");
}

}  // namespace
}  // namespace probegate
