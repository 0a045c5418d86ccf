#include "tests/usbemu/faults.h"

#include <utility>

namespace probegate::usbemu {
namespace {

struct KindRow {
  const char* name;
  Fault::Kind kind;
  const char* help;
};
constexpr KindRow kKinds[] = {
    {"stall", Fault::Kind::kStall, "ends with a stall; the endpoint is halted until the host clears that"},
    {"error", Fault::Kind::kError, "ends with a bus error"},
    {"delay", Fault::Kind::kDelay, "ends \"milliseconds\" later, and so do the transfers after it"},
    {"truncate", Fault::Kind::kTruncate, "only its first \"bytes\" (0) arrive"},
    {"corrupt", Fault::Kind::kCorrupt, "its byte number \"bytes\" (0) is inverted"},
    {"drop", Fault::Kind::kDrop, "its data is lost: the device never sees it, or the host keeps waiting"},
    {"babble", Fault::Kind::kBabble, "ends as if the device had sent more than was requested"},
    {"unplug", Fault::Kind::kUnplug, "the device is unplugged during the transfer"},
    {"hang", Fault::Kind::kHang, "from then on the firmware does nothing, until a port reset restarts it"},
};

struct WhichRow {
  const char* name;
  Fault::Which which;
};
constexpr WhichRow kWhich[] = {{"any", Fault::Which::kAny},
                               {"control", Fault::Which::kControl},
                               {"in", Fault::Which::kIn},
                               {"out", Fault::Which::kOut},
                               {"trace", Fault::Which::kTrace}};

}  // namespace

const Fault::Kind* FindFaultKind(const std::string& name) {
  for (const KindRow& row : kKinds) {
    if (name == row.name) return &row.kind;
  }
  return nullptr;
}

const Fault::Which* FindFaultWhich(const std::string& name) {
  for (const WhichRow& row : kWhich) {
    if (name == row.name) return &row.which;
  }
  return nullptr;
}

const char* NameOf(Fault::Which which) {
  for (const WhichRow& row : kWhich) {
    if (row.which == which) return row.name;
  }
  return "";
}

std::string FaultHelp() {
  std::string help;
  for (const KindRow& row : kKinds) help += std::string("    ") + row.name + ": " + row.help + '\n';
  return help;
}

void SetFault::Happen() {
  ++happened;
  if (fault.times != 0 && happened >= fault.times) End(true);
}

void SetFault::End(bool had_effect) {
  if (const auto tell = std::exchange(on_end, nullptr)) tell(had_effect);
}

void Faults::Add(const Fault& fault, std::function<void(bool)> on_end) {
  faults_.push_back(std::make_shared<SetFault>(SetFault{.fault = fault, .on_end = std::move(on_end)}));
}

void Faults::Clear() {
  for (const std::shared_ptr<SetFault>& set : std::exchange(faults_, {})) set->End(false);
}

std::shared_ptr<SetFault> Faults::Submitted(Fault::Which which) {
  ++submitted_[which];
  std::shared_ptr<SetFault> befallen;
  for (auto it = faults_.begin(); it != faults_.end();) {
    const std::shared_ptr<SetFault> set = *it;
    const Fault& fault = set->fault;
    const bool counts = fault.which == Fault::Which::kAny || fault.which == which;
    if (counts) ++set->seen;
    const bool hit = counts && set->seen >= fault.at && (fault.times == 0 || set->seen < fault.at + fault.times);
    if (hit && !befallen) befallen = set;
    const bool over = fault.times != 0 && set->seen + 1 >= fault.at + fault.times;
    it = over ? faults_.erase(it) : std::next(it);
  }
  return befallen;
}

uint64_t Faults::submitted(Fault::Which which) const {
  const auto found = submitted_.find(which);
  return found == submitted_.end() ? 0 : found->second;
}

}  // namespace probegate::usbemu
