#include "server/lane/probe_reports.h"

namespace probegate {

void ProbeReports::OnAssumption(std::string_view what) {
  log_.Warning("probe.assumption", {{"probe", metrics_.unique_id()}, {"what", what}});
}

void ProbeReports::OnTargetPower(std::string_view what) {
  log_.Warning("target.power", {{"probe", metrics_.unique_id()}, {"reason", what}});
}

}  // namespace probegate
