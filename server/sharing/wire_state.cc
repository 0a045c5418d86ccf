#include "server/sharing/wire_state.h"

#include <utility>

#include "server/sharing/session_state.h"

namespace probegate {

void WireState::Forget() {
  select.reset();
  for (auto& [id, ap] : aps) {
    ap.csw.reset();
    ap.tar.reset();
    ap.tar_high.reset();
  }
}

void WireState::Touch(const SessionState& session, std::string what) {
  Forget();
  link = Link::kTouched;
  toucher = &session;
  toucher_who = session.who;
  touched_by_what = std::move(what);
}

void WireState::Drop(const SessionState& session) {
  if (toucher == &session) toucher = nullptr;
  for (auto& [id, ap] : aps) {
    const auto view = session.views.find(id);
    if (view != session.views.end() && ap.tar_owner == &view->second) ap.tar_owner = nullptr;
  }
}

}  // namespace probegate
