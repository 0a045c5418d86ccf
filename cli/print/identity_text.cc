#include "cli/print/identity_text.h"

#include <google/protobuf/util/time_util.h>

#include "base/printable.h"
#include "cli/print/json.h"
#include "cli/print/text_table.h"

namespace probegate {
namespace {

using Rows = std::vector<std::vector<std::string>>;

void AddRights(const google::protobuf::RepeatedPtrField<v1::GrantedRight>& rights, const std::string& probe,
               Rows& rows) {
  for (const v1::GrantedRight& granted : rights) rows.push_back({probe, granted.right(), granted.rule()});
}

std::string Introduction(const ListedIdentity& listed) {
  const v1::WhoAmIResponse& answer = *listed.answer;
  std::string line = "On " + listed.place->column + ", you are " + answer.identity().name();
  if (answer.has_expires_at()) {
    line += ", until " + google::protobuf::util::TimeUtil::ToString(answer.expires_at());
  }
  return Printable(line + " (proof: " + answer.identity().proof() + "; access file: " + answer.policy() + ").") + "\n";
}

}  // namespace

std::string ToText(const std::vector<ListedIdentity>& identities) {
  std::string text;
  for (const ListedIdentity& listed : identities) {
    if (!text.empty()) text += "\n";
    text += Introduction(listed);
    Rows rows = {{"PROBE", "RIGHT", "RULE"}};
    for (const v1::ProbeRights& probe : listed.answer->probes()) AddRights(probe.rights(), probe.probe(), rows);
    AddRights(listed.answer->rights(), "-", rows);
    text += rows.size() > 1 ? FormatTable(rows) : "You have no rights there.\n";
  }
  return text;
}

std::string ToJson(const std::vector<ListedIdentity>& identities) {
  std::string entries;
  for (const auto& [answer, place] : identities) {
    entries += (entries.empty() ? "" : ",") + WithMember(ToJson(*answer), "server", ToJson(place->server));
  }
  return "{\"servers\":[" + entries + "]}\n";
}

}  // namespace probegate
