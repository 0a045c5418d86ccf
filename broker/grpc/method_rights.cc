#include "broker/grpc/method_rights.h"

namespace probegate::broker {
namespace {

constexpr MethodRow kRows[] = {
    {"/probegate.broker.v1.Leases/Acquire", Right::kUse},
    // These two take the lease's secret.
    {"/probegate.broker.v1.Leases/Renew", std::nullopt},
    {"/probegate.broker.v1.Leases/Release", std::nullopt},
    // LeaseBook leaves out what the caller may not view.
    {"/probegate.broker.v1.Leases/Get", std::nullopt},
    {"/probegate.broker.v1.Leases/List", std::nullopt},
    // LeaseBook checks `admin` or `kick`.
    {"/probegate.broker.v1.Leases/SetMaintenance", std::nullopt},
    {"/probegate.broker.v1.Leases/Revoke", std::nullopt},
    {"/probegate.broker.v1.Registration/Register", Right::kServe},
};

}  // namespace

absl::Span<const MethodRow> BrokerMethods() { return kRows; }

}  // namespace probegate::broker
