// Every method that the broker's services have takes a right, or says that it takes none.
#include "broker/grpc/method_rights.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "probegate/broker/v1/leases.grpc.pb.h"
#include "probegate/broker/v1/registration.grpc.pb.h"
#include "telemetry/grpc/rpc_metrics.h"

namespace probegate::broker {
namespace {

TEST(BrokerMethodRights, EveryMethodHasARow) {
  std::set<std::string> methods;
  for (const RpcMethod& method : MethodsOf({v1::Leases::service_full_name(), v1::Registration::service_full_name()})) {
    methods.insert(method.path());
    EXPECT_NE(FindMethodRow(BrokerMethods(), method.path()), nullptr)
        << method.path() << " has no row in broker/grpc/method_rights.cc, so nobody may call it";
  }
  std::set<std::string> rows;
  for (const MethodRow& row : BrokerMethods()) {
    EXPECT_TRUE(rows.insert(std::string(row.method)).second) << row.method << " has two rows";
    EXPECT_TRUE(methods.contains(std::string(row.method))) << row.method << " is no method";
  }
}

}  // namespace
}  // namespace probegate::broker
