#include "gateway/client/ended_clients.h"

namespace probegate {

void EndedClients::Add(std::string_view probe, std::string_view peer, ClientEnd why) {
  metrics_.clients_ended(why).Add();
  const MutexLock lock(mutex_);
  const auto count = gate_.Admit(FloodGate::Clock::now());
  if (!count) return;
  log_.Warning("client.ended",
               {{"probe", probe}, {"client", peer}, {"reason", ClientEndText(why)}, {"connections", *count}});
}

}  // namespace probegate
