#include "probe/cmsis_dap/target_labels.h"

#include <utility>

#include "probe/cmsis_dap/protocol.h"
#include "probe/error.h"

namespace probegate::cmsis_dap {
namespace {

struct LabelRow {
  InfoId question;
  const char* label;
};
constexpr LabelRow kLabels[] = {
    {InfoId::kTargetVendor, "target-vendor"},
    {InfoId::kTargetName, "target"},
    {InfoId::kBoardVendor, "board-vendor"},
    {InfoId::kBoardName, "board"},
};

}  // namespace

absl::StatusOr<std::map<std::string, std::string>> AskTargetLabels(Channel& channel) {
  std::map<std::string, std::string> labels;
  for (const LabelRow& row : kLabels) {
    if (channel.interrupted()) break;  // the device is slow, and labels are not needed
    const auto reply = channel.Ask(Info{row.question});
    if (IsError(reply.status(), ErrorKind::kProbeDisconnected)) return reply.status();
    if (IsRefusal(reply.status())) continue;
    if (!reply.ok()) break;  // to ask the rest would take as long again
    if (std::string text = reply->Text(); !text.empty()) labels[row.label] = std::move(text);
  }
  return labels;
}

}  // namespace probegate::cmsis_dap
