// Every method that the broker's services have takes a right, or says that it takes none.
#include "broker/grpc/method_rights.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "probegate/broker/v1/leases.grpc.pb.h"
#include "probegate/broker/v1/registration.grpc.pb.h"
#include "telemetry/grpc/rpc_metrics.h"
#include "tests/access/service/method_rows.h"

namespace probegate::broker {
namespace {

TEST(BrokerMethodRights, EveryMethodHasARow) {
  std::set<std::string> methods;
  for (const RpcMethod& method : MethodsOf({v1::Leases::service_full_name(), v1::Registration::service_full_name()})) {
    methods.insert(method.path());
  }
  ExpectARowForEach(methods, BrokerMethods(), "broker/grpc/method_rights.cc");
}

}  // namespace
}  // namespace probegate::broker
