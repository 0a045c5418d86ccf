#include "access/rights.h"

#include <algorithm>
#include <iterator>

namespace probegate {
namespace {

// In the order of the enumeration.
constexpr RightRow kRights[] = {
    {Right::kView, "view", true, "see the probe in lists and statistics"},
    {Right::kUse, "use", true, "open sessions on the probe, and read and write through them"},
    {Right::kDebug, "debug", true, "debug on the probe with probegate-debugd"},
    {Right::kKick, "kick", true, "end the sessions of others on the probe"},
    {Right::kGateway, "gateway", false, "say for which client a session is"},
    {Right::kAdmin, "admin", false, "administer the server"},
    {Right::kServe, "serve", false, "register probes with probegate-broker"},
};

}  // namespace

absl::Span<const RightRow> Rights() { return kRights; }

const RightRow& RowOf(Right right) { return kRights[static_cast<size_t>(right)]; }

const RightRow* FindRight(std::string_view name) {
  const auto* const row =
      std::find_if(std::begin(kRights), std::end(kRights), [name](const RightRow& r) { return r.name == name; });
  return row == std::end(kRights) ? nullptr : row;
}

}  // namespace probegate
