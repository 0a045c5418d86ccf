#include "cli/print/directory_text.h"

#include <google/protobuf/util/time_util.h>

#include "base/labels.h"
#include "cli/print/client_text.h"
#include "cli/print/json.h"
#include "cli/print/probe_text.h"
#include "cli/print/text_table.h"

namespace probegate {
namespace {

std::string Flags(const v1::SessionInfo& session) {
  std::string flags;
  const auto add = [&](bool set, const char* name) {
    if (set) flags += (flags.empty() ? "" : ",") + std::string(name);
  };
  add(session.has_open(), "open");
  add(session.is_connected(), "connected");
  add(session.holds_lock(), "lock");
  add(session.waits_for_lock(), "waiting");
  return flags.empty() ? "-" : flags;
}

// A time as text, without fractions of a second.
std::string TimeText(google::protobuf::Timestamp time) {
  time.set_nanos(0);
  return google::protobuf::util::TimeUtil::ToString(time);
}

std::string ListInObject(const char* name, const std::string& entries) {
  return std::string("{\"") + name + "\":[" + entries + "]}\n";
}

std::string LabelText(const v1::ProbeDescription& description) {
  return ToText(Labels(description.labels().begin(), description.labels().end()));
}

std::string OrDash(const std::string& text) { return text.empty() ? "-" : text; }

}  // namespace

std::string ToTable(const std::vector<ListedProbe>& probes, const ProbeColumns& columns) {
  std::vector<std::vector<std::string>> rows = {{"PROBE", "STATE", "DESCRIPTION", "HOST", "LOCATION", "IN USE BY"}};
  if (columns.labels) rows[0].insert(rows[0].end() - 1, "LABELS");
  if (columns.gateway) rows[0].insert(rows[0].begin() + 1, "GATEWAY");
  for (const ListedProbe& probe : probes) {
    const v1::ProbeStatus& status = *probe.status;
    std::vector<std::string> row = {status.description().unique_id(),
                                    StateName(status.state()),
                                    status.description().description(),
                                    probe.place->column,
                                    status.location(),
                                    status.problem().empty() ? probe.users : status.problem()};
    if (columns.labels) row.insert(row.end() - 1, OrDash(LabelText(status.description())));
    if (columns.gateway) row.insert(row.begin() + 1, OrDash(probe.gateway));
    rows.push_back(std::move(row));
  }
  return FormatTable(rows);
}

std::string ToTable(const std::vector<ListedDevice>& devices) {
  std::vector<std::vector<std::string>> rows = {{"NOT SERVED", "USB ID", "DESCRIPTION", "HOST", "LOCATION", "REASON"}};
  for (const auto& [device, place] : devices) {
    rows.push_back({OrDash(device->unique_id()), OrDash(device->usb_id()), OrDash(device->description()), place->column,
                    device->location(), device->reason()});
  }
  return FormatTable(rows);
}

std::string ToTable(const std::vector<ListedSession>& sessions) {
  std::vector<std::vector<std::string>> rows = {
      {"SESSION", "PROBE", "HOST", "CLIENT", "OPENED", "LAST COMMAND", "COMMANDS", "HAS"}};
  for (const auto& [session, place] : sessions) {
    rows.push_back({session->session(), session->probe(), place->column, Who(*session), TimeText(session->opened_at()),
                    TimeText(session->last_command_at()), std::to_string(session->command_count()), Flags(*session)});
  }
  return FormatTable(rows);
}

std::string ToJson(const std::vector<ListedProbe>& probes, const std::vector<ListedDevice>* unserved) {
  std::string entries;
  for (const ListedProbe& probe : probes) {
    std::string entry = WithPlace("{\"status\":" + ToJson(*probe.status) + "}", *probe.place);
    if (!probe.gateway.empty()) entry = WithMember(std::move(entry), "gateway", ToJson(probe.gateway));
    entries += (entries.empty() ? "" : ",") + entry;
  }
  if (unserved == nullptr) return ListInObject("probes", entries);
  std::string devices;
  for (const auto& [device, place] : *unserved) {
    devices += (devices.empty() ? "" : ",") + WithPlace(ToJson(*device), *place);
  }
  return WithMember("{\"probes\":[" + entries + "]}", "unserved", "[" + devices + "]") + "\n";
}

std::string ToJson(const std::vector<ListedSession>& sessions) {
  std::string entries;
  for (const auto& [session, place] : sessions) {
    entries += (entries.empty() ? "" : ",") + WithPlace(ToJson(*session), *place);
  }
  return ListInObject("sessions", entries);
}

}  // namespace probegate
