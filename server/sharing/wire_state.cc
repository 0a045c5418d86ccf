#include "server/sharing/wire_state.h"

#include <utility>

#include "server/sharing/session_state.h"

namespace probegate {

void WireState::Forget() {
  select.reset();
  for (auto& [target, dp] : dps) {
    for (auto& [id, ap] : dp.aps) {
      ap.csw.reset();
      ap.tar.reset();
      ap.tar_high.reset();
    }
  }
}

void WireState::Touch(const SessionState& session, std::string what) {
  Forget();
  link = Link::kTouched;
  toucher = &session;
  toucher_who = session.who;
  touched_by_what = std::move(what);
}

void WireState::Lose(const SessionState& session, std::string what) {
  Touch(session, std::move(what));
  link = Link::kLost;
}

void WireState::Drop(const SessionState& session) {
  if (toucher == &session) toucher = nullptr;
  for (const auto& [target, of_session] : session.dps) {
    const auto of_wire = dps.find(target);
    if (of_wire == dps.end()) continue;
    for (auto& [id, ap] : of_wire->second.aps) {
      const auto view = of_session.views.find(id);
      if (view != of_session.views.end() && ap.tar_owner == &view->second) ap.tar_owner = nullptr;
    }
  }
}

}  // namespace probegate
