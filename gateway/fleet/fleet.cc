#include "gateway/fleet/fleet.h"

#include <algorithm>
#include <utility>

#include "asio/post.hpp"

namespace probegate {
namespace {

// How long to wait at the start for a server that says nothing.
constexpr std::chrono::seconds kPatience{5};

// More probes than any host has. The bound keeps a server that invents new ones all the time from filling the memory,
// or taking all ports.
constexpr size_t kMaxProbesOfServer = 4096;
constexpr size_t kMaxUniqueIdBytes = 256;

}  // namespace

Fleet::Fleet(const Strand& strand, Upstreams& upstreams, FleetOptions options, LookUp look_up, Handler handler,
             ServingState& state, Log& log)
    : strand_(strand),
      upstreams_(upstreams),
      options_(std::move(options)),
      look_up_(std::move(look_up)),
      handler_(std::move(handler)),
      state_(state),
      log_(log),
      patience_(strand) {}

Fleet::~Fleet() { Stop(); }

void Fleet::Start() {
  patience_.expires_after(kPatience);
  patience_.async_wait([this](asio::error_code error) {
    if (error || stopped_) return;
    settled_ = true;
    Change();
  });
  for (const Endpoint& server : options_.servers) {
    names_.push_back(std::make_unique<Name>(Name{.text = server.ToString(), .lookup = nullptr}));
  }
  for (size_t i = 0; i < names_.size(); ++i) {
    Name& name = *names_[i];
    if (IsAddress(options_.servers[i].host)) {
      TakeAddresses(name, std::vector<std::string>{name.text});
      continue;
    }
    name.shown = true;
    state_.ServerLost({name.text, {}}, "the server at " + name.text + " has not answered yet");
    name.lookup =
        std::make_unique<NameLookup>(strand_, options_.servers[i], options_.lookup_interval, look_up_,
                                     [this, &name](auto addresses) { TakeAddresses(name, std::move(addresses)); });
    name.lookup->Start();
  }
}

void Fleet::Stop() {
  stopped_ = true;
  patience_.cancel();
  for (const auto& name : names_) {
    if (name->lookup) name->lookup->Stop();
  }
  for (auto& [address, link] : links_) link.link->Stop();
}

void Fleet::TakeAddresses(Name& name, const absl::StatusOr<std::vector<std::string>>& addresses) {
  name.looked_up = true;
  if (addresses.ok() && !addresses->empty()) {
    KeepOnly(name, *addresses);
    for (const std::string& address : *addresses) AddLink(name, address);
    if (std::exchange(name.shown, false)) state_.ServerForgotten({name.text, {}});
    if (std::exchange(name.failure_logged, false)) log_.Info("server.name_found", {{"server", name.text}});
  } else {
    // The resolver has answered that there is no address. If it had not answered, the old addresses would be kept.
    if (addresses.ok() || absl::IsNotFound(addresses.status())) KeepOnly(name, {});
    TakeNoAddress(name, addresses.ok() ? "it has no address" : std::string(addresses.status().message()));
  }
  Change();
}

void Fleet::KeepOnly(const Name& name, const std::vector<std::string>& addresses) {
  for (auto link = links_.begin(); link != links_.end();) {
    const auto next = std::next(link);
    const bool stays = std::find(addresses.begin(), addresses.end(), link->first) != addresses.end();
    const bool leaves = !stays && link->second.names.erase(&name) > 0;
    // A server that is still connected is dropped only when its connection is lost: it may be shutting down gracefully.
    if (leaves && !link->second.names.empty()) Rename(link->second);
    if (leaves && link->second.names.empty() && link->second.state != LinkState::kFollowed) DropLink(link);
    link = next;
  }
}

void Fleet::TakeNoAddress(Name& name, const std::string& reason) {
  const bool is_followed =
      std::any_of(links_.begin(), links_.end(), [&](const auto& link) { return link.second.names.contains(&name); });
  const std::string message = "the server " + name.text + ": " + reason;
  if (!is_followed) {
    name.shown = true;
    name.problem = message;
    state_.ServerLost({name.text, {}}, message);
  }
  if (!std::exchange(name.failure_logged, true)) {
    log_.Write(LogLevel::kWarning, "server.name_unknown",
               message + (is_followed ? "; keeping its last addresses" : "; waiting for it"),
               {{"server", name.text}, {"reason", reason}});
  }
}

void Fleet::AddLink(const Name& name, const std::string& address) {
  if (const auto known = links_.find(address); known != links_.end()) {
    known->second.names.insert(&name);
    return;
  }
  const ServerAddress server{name.text, address};
  Link& link = links_[address];
  link.number = ++last_number_;
  link.server = server;
  link.names = {&name};
  link.link = std::make_shared<ServerLink>(
      strand_, upstreams_.To(server),
      ServerLink::Handler{
          .on_begin =
              [&link] {
                link.state = LinkState::kListing;
                link.list.clear();
              },
          .on_probe = [this, &link](const v1::ProbeStatus& probe) { TakeProbe(link, probe); },
          .on_end_of_list = [this, &link] { TakeList(link); },
          .on_lost = [this, &link](WatchEnd end, const std::string& reason) { TakeLoss(link, end, reason); },
      });
  state_.ServerLost(server, "the server at " + server.ToString() + " has not answered yet");
  link.link->Start();
}

void Fleet::DropLink(Links::iterator link) {
  const ServerAddress server = link->second.server;
  const ProbeRoutes::Server number = link->second.number;
  link->second.link->Stop();
  log_.Info("server.forgotten", {{"server", server.name}, {"address", server.address}});
  state_.ServerForgotten(server);
  routes_.Forget(number);
  links_.erase(link);
}

// For an address that no longer has the name under which it was shown, but still has another.
void Fleet::Rename(Link& link) {
  const ServerAddress before = link.server;
  link.server.name = (*link.names.begin())->text;
  if (link.server == before) return;
  state_.ServerForgotten(before);
  if (link.state == LinkState::kFollowed) {
    state_.ServerFound(link.server);
  } else {
    state_.ServerLost(link.server, link.problem);
  }
}

void Fleet::TakeProbe(Link& link, const v1::ProbeStatus& probe) {
  if (!IsAcceptable(link, probe.description().unique_id())) return;
  if (link.state == LinkState::kListing) {
    link.list.push_back(probe);
    return;
  }
  routes_.Report(link.number, probe);
  Change();
}

bool Fleet::IsAcceptable(Link& link, const std::string& unique_id) {
  if (link.unique_ids.contains(unique_id)) return true;
  const bool too_many = link.unique_ids.size() >= kMaxProbesOfServer;
  if (!too_many && !unique_id.empty() && unique_id.size() <= kMaxUniqueIdBytes) {
    link.unique_ids.insert(unique_id);
    return true;
  }
  if (!std::exchange(link.excess_logged, true)) {
    const std::string what = too_many ? "has reported more than " + std::to_string(kMaxProbesOfServer) + " probes"
                                      : "has a probe whose unique ID is empty or too long";
    log_.Write(LogLevel::kWarning, "server.excess",
               "the server at " + link.server.ToString() + " " + what + "; such probes are not served",
               {{"server", link.server.name}, {"address", link.server.address}});
  }
  return false;
}

void Fleet::TakeList(Link& link) {
  if (!std::exchange(link.found, true) || std::exchange(link.outage_logged, false)) {
    log_.Info("server.connected", {{"server", link.server.name}, {"address", link.server.address}});
  }
  link.outage_logged = false;
  link.state = LinkState::kFollowed;
  found_any_ = true;
  state_.ServerFound(link.server);
  routes_.Begin(link.number);
  for (const v1::ProbeStatus& probe : std::exchange(link.list, {})) routes_.Report(link.number, probe);
  routes_.EndOfList(link.number);
  Change();
}

void Fleet::TakeLoss(Link& link, WatchEnd end, const std::string& reason) {
  link.state = LinkState::kLost;
  routes_.Lost(link.number);
  link.incompatible = end == WatchEnd::kIncompatible && !link.found;
  const std::string message =
      link.incompatible ? "the server at " + link.server.ToString() + " does not speak probegate.v1 (" + reason + ")"
                        : "cannot reach the server at " + link.server.ToString() + " (" + reason + ")";
  link.problem = message;
  state_.ServerLost(link.server, message);
  if (link.names.empty()) {
    DropLink(links_.find(link.server.address));
  } else if (!std::exchange(link.outage_logged, true)) {
    log_.Write(LogLevel::kWarning, "server.unreachable", message + "; waiting for it",
               {{"server", link.server.name}, {"address", link.server.address}, {"reason", reason}});
  }
  Change();
}

void Fleet::Change() {
  if (stopped_ || std::exchange(change_due_, true)) return;
  // Call the handler once for all changes that arrive together: a list has many probes.
  asio::post(strand_, [this] {
    change_due_ = false;
    settled_ = settled_ || AllHeardOf();
    if (!stopped_) handler_.on_change();
  });
}

bool Fleet::AllHeardOf() const {
  return std::all_of(names_.begin(), names_.end(), [](const auto& name) { return name->looked_up; }) &&
         std::none_of(links_.begin(), links_.end(), [](const auto& link) {
           return link.second.state == LinkState::kNew || link.second.state == LinkState::kListing;
         });
}

bool Fleet::AllHaveAddresses() const {
  return std::none_of(names_.begin(), names_.end(), [](const auto& name) { return !name->looked_up || name->shown; });
}

bool Fleet::all_found() const {
  return AllHaveAddresses() &&
         std::all_of(links_.begin(), links_.end(), [](const auto& link) { return link.second.found; });
}

std::string Fleet::problem() const {
  for (const auto& name : names_) {
    if (name->shown && !name->problem.empty()) return name->problem;
  }
  for (const auto& [address, link] : links_) {
    if (!link.found && !link.problem.empty()) return link.problem;
  }
  return ToString() + " did not answer";
}

std::optional<std::string> Fleet::incompatible() const {
  const bool all_are =
      std::all_of(links_.begin(), links_.end(), [](const auto& link) { return link.second.incompatible; });
  if (!AllHaveAddresses() || !all_are || links_.empty()) return std::nullopt;
  return links_.begin()->second.problem;
}

std::string Fleet::ToString() const {
  std::string text = options_.servers.size() == 1 ? "the server at " : "the servers at ";
  for (size_t i = 0; i < options_.servers.size(); ++i) text += (i == 0 ? "" : ", ") + options_.servers[i].ToString();
  return text;
}

void Fleet::ProbeIsAt(const v1::ProbeDescription& probe, ProbeRoutes::Server server) {
  const Link* link = FindLink(server);
  if (link == nullptr) return;
  const auto [at, is_new] = at_.try_emplace(probe.unique_id(), server);
  if (!is_new && at->second != server) {
    at->second = server;
    log_.Info("probe.moved",
              {{"probe", probe.unique_id()}, {"server", link->server.name}, {"address", link->server.address}});
  }
  handler_.on_probe(probe, link->link->upstream());
}

void Fleet::ProbeRefused(const std::string& unique_id, ProbeRoutes::Server server, ProbeRoutes::Server kept) {
  const auto count = duplicates_.Admit(FloodGate::Clock::now());
  if (!count) return;
  const Link* link = FindLink(server);
  const Link* keeper = FindLink(kept);
  const std::string kept_at = keeper == nullptr ? "another" : keeper->server.ToString();
  log_.Write(
      LogLevel::kWarning, "probe.duplicate",
      "debug probe " + unique_id + " is on two servers: the one at " + kept_at + " is kept, the one at " +
          link->server.ToString() + " is not served. Give one probe another serial number, or name a server once only",
      {{"probe", unique_id}, {"server", link->server.name}, {"address", link->server.address}, {"kept", kept_at}});
}

const Fleet::Link* Fleet::FindLink(ProbeRoutes::Server number) const {
  const auto found =
      std::find_if(links_.begin(), links_.end(), [&](const auto& link) { return link.second.number == number; });
  return found == links_.end() ? nullptr : &found->second;
}

}  // namespace probegate
