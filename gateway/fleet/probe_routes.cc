#include "gateway/fleet/probe_routes.h"

#include <algorithm>

namespace probegate {

void ProbeRoutes::Begin(Server server) { Lost(server); }

void ProbeRoutes::Report(Server server, const v1::ProbeStatus& status) {
  Route& route = routes_[status.description().unique_id()];
  auto claim = std::find_if(route.claims.begin(), route.claims.end(),
                            [&](const Claim& candidate) { return candidate.server == server; });
  if (claim == route.claims.end()) claim = route.claims.insert(claim, Claim{.server = server, .description = {}});
  claim->description = status.description();
  claim->present = status.state() != v1::PROBE_STATE_AWAY;
  claim->confirmed = true;
  if (!Decide(route) && route.at == server) observer_.ProbeIsAt(claim->description, server);
}

void ProbeRoutes::EndOfList(Server server) {
  for (auto& [unique_id, route] : routes_) {
    const auto gone =
        std::erase_if(route.claims, [&](const Claim& claim) { return claim.server == server && !claim.confirmed; });
    if (gone > 0) Decide(route);
  }
  DropEmpty();
}

void ProbeRoutes::Lost(Server server) {
  for (auto& [unique_id, route] : routes_) {
    for (Claim& claim : route.claims) {
      if (claim.server == server) claim.confirmed = false;
    }
    Decide(route);
  }
}

void ProbeRoutes::Forget(Server server) {
  for (auto& [unique_id, route] : routes_) {
    std::erase_if(route.claims, [&](const Claim& claim) { return claim.server == server; });
    Decide(route);
  }
  DropEmpty();
}

void ProbeRoutes::DropEmpty() {
  std::erase_if(routes_, [](const auto& route) { return route.second.claims.empty(); });
}

bool ProbeRoutes::Decide(Route& route) {
  const auto find = [&](const auto& wanted) { return std::find_if(route.claims.begin(), route.claims.end(), wanted); };
  const auto is_at = [&](const Claim& claim) { return claim.server == route.at; };
  auto best = find([&](const Claim& claim) { return is_at(claim) && claim.holds(); });
  if (best == route.claims.end()) best = find([](const Claim& claim) { return claim.holds(); });
  // No server has the probe. It stays where it was, or else goes to the first server that has reported it as away.
  if (best == route.claims.end()) best = find(is_at);
  if (best == route.claims.end()) best = route.claims.begin();
  bool moved = false;
  if (best != route.claims.end() && !is_at(*best)) {
    moved = route.at.has_value();
    route.at = best->server;
    if (moved) observer_.ProbeIsAt(best->description, best->server);
  }
  for (Claim& claim : route.claims) {
    const bool refused = claim.holds() && !is_at(claim);
    if (refused && !claim.refused) observer_.ProbeRefused(claim.description.unique_id(), claim.server, *route.at);
    claim.refused = refused;
  }
  return moved;
}

}  // namespace probegate
