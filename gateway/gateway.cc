#include "gateway/gateway.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "asio/dispatch.hpp"
#include "asio/post.hpp"

namespace probegate {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstListenPause{1'000};
constexpr milliseconds kLongestListenPause{30'000};

bool SameId(const std::string& a, const std::string& b) { return absl::EqualsIgnoreCase(a, b); }

std::string LowerCase(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

template <typename Strings>
std::string Join(const Strings& strings) {
  std::string text;
  for (const auto& string : strings) text += (text.empty() ? "" : ", ") + string;
  return text;
}

}  // namespace

Gateway::Gateway(asio::io_context& io, Upstreams& upstreams, LookUp look_up, PortMap& ports, GatewayOptions options,
                 Chooser choose, std::function<void()> on_stop, GatewayMetrics& metrics, Log& log)
    : options_(std::move(options)),
      port_map_(ports),
      choose_(std::move(choose)),
      on_stop_(std::move(on_stop)),
      log_(log),
      strand_(asio::make_strand(io)),
      state_(metrics),
      budget_(options_.max_connections, metrics),
      port_context_{io, options_.connection, budget_, metrics, log},
      fleet_(strand_, upstreams, options_.fleet, std::move(look_up),
             {.on_probe = [this](const auto& probe, const auto& upstream) { TakeProbe(probe, upstream); },
              .on_change = [this] { TakeChange(); }},
             state_, log) {}

Gateway::~Gateway() = default;

void Gateway::Start() {
  if (options_.allow_remote) {
    log_.Write(LogLevel::kWarning, "remote.allowed",
               "--allow-remote: the protocol has no passwords, so anyone who reaches these ports controls the boards",
               {});
  }
  asio::post(strand_, [this] {
    if (!stopped_) fleet_.Start();
  });
}

void Gateway::Stop(std::string reason) {
  asio::dispatch(strand_, [this, reason = std::move(reason)] { StopNow(reason); });
}

void Gateway::TakeProbe(const v1::ProbeDescription& probe, const std::shared_ptr<Upstream>& upstream) {
  known_[probe.unique_id()] = {probe, upstream};
  if (const auto served = served_.find(probe.unique_id()); served != served_.end()) {
    served->second.probe->Update(probe, upstream);
  }
}

void Gateway::TakeChange() {
  // Before the lists are whole, what looks like the only probe may be one of many.
  if (!fleet_.settled()) return;
  if (!fleet_.found_any()) {
    if (fleet_.incompatible()) {
      Fail(fleet_.problem() + ": name a probegate-server of this version with --server");
    } else if (!options_.wait) {
      Fail(fleet_.problem() + ": start probegate-server, or name it with --server");
    }
    return;
  }
  if (!std::exchange(maps_checked_, true)) WarnOfUnknownMaps();
  Consider();
}

void Gateway::WarnOfUnknownMaps() {
  for (const auto& [mapped, port] : port_map_.fixed()) {
    if (std::any_of(known_.begin(), known_.end(), [&](const auto& probe) { return SameId(probe.first, mapped); })) {
      continue;
    }
    log_.Write(LogLevel::kWarning, "map.unknown",
               "--map " + mapped + "=" + std::to_string(port) +
                   ": no server has a debug probe of this unique ID (a part of one is not enough); the port is kept "
                   "for it",
               {{"probe", mapped}, {"port", unsigned{port}}});
  }
}

void Gateway::Consider() {
  if (stopped_ || choosing_) return;
  const auto selected = Select();
  if (!selected) return;
  for (const std::string& unique_id : *selected) {
    if (!served_.contains(unique_id)) Serve(unique_id);
    if (stopped_) return;
  }
}

std::optional<std::set<std::string>> Gateway::Select() {
  std::set<std::string> selected;
  std::vector<std::string> missing;
  if (chosen_) {
    selected.insert(*chosen_);
  } else if (options_.probes.empty()) {
    for (const auto& [unique_id, probe] : known_) selected.insert(unique_id);
  }
  for (const std::string& pattern : options_.probes) {
    const auto unique_id = Resolve(pattern);
    if (stopped_) return std::nullopt;
    unique_id ? static_cast<void>(selected.insert(*unique_id)) : missing.push_back(pattern);
  }
  if (!missing.empty()) {
    std::vector<std::string> known;
    for (const auto& [unique_id, probe] : known_) known.push_back(unique_id);
    WaitOnce("debug probe " + Join(missing) + " is not known to " + fleet_.ToString() +
             "; known: " + (known.empty() ? "none" : Join(known)));
  } else if (selected.empty()) {
    WaitOnce("there is no debug probe: " + fleet_.ToString() + " told of none");
  }
  if (stopped_ || (served_.empty() && AskWhichProbe(selected))) return std::nullopt;
  if (served_.empty()) alone_ = selected.size() == 1 && missing.empty();
  return selected;
}

std::optional<std::string> Gateway::Resolve(const std::string& pattern) {
  if (const auto found = resolved_.find(pattern); found != resolved_.end()) return found->second;
  std::vector<std::string> matches;
  const std::string wanted = LowerCase(pattern);
  for (const auto& [unique_id, probe] : known_) {
    if (SameId(unique_id, pattern)) {
      matches = {unique_id};
      break;
    }
    if (LowerCase(unique_id).find(wanted) != std::string::npos) matches.push_back(unique_id);
  }
  if (matches.empty()) return std::nullopt;
  if (matches.size() > 1) {
    Fail("--uid " + pattern + " matches several debug probes (" + Join(matches) + "): give more of the unique ID");
    return std::nullopt;
  }
  return resolved_[pattern] = matches.front();
}

bool Gateway::AskWhichProbe(const std::set<std::string>& candidates) {
  // Who has said which ports or probes there are need not be asked.
  if (!choose_ || chosen_ || !options_.probes.empty() || !port_map_.fixed().empty() || candidates.size() < 2)
    return false;
  choosing_ = true;
  std::vector<v1::ProbeDescription> probes;
  for (const std::string& unique_id : candidates) probes.push_back(known_[unique_id].description);
  choose_(std::move(probes), [this](std::optional<std::string> unique_id) {
    asio::post(strand_, [this, unique_id = std::move(unique_id)] {
      choosing_ = false;
      chosen_ = unique_id;
      unique_id ? Consider() : StopNow("the gateway was told to quit");
    });
  });
  return true;
}

void Gateway::Serve(const std::string& unique_id) {
  const auto [entry, is_new] = served_.emplace(unique_id, strand_);
  entry->second.probe = std::make_shared<ServedProbe>(known_[unique_id].description, known_[unique_id].upstream);
  entry->second.pause = kFirstListenPause;
  TryToListen(unique_id, entry->second);
}

absl::StatusOr<uint16_t> Gateway::AssignPort(const std::string& unique_id) {
  if (options_.first_port == 0) return port_map_.FixedPort(unique_id).value_or(0);
  if (alone_ && options_.first_port_given && !port_map_.FixedPort(unique_id)) {
    const absl::Status claimed = port_map_.Claim(unique_id, options_.first_port);
    if (claimed.ok()) return options_.first_port;
    // It is promised to a probe that is not there now: this one has a port of its own, or gets one.
    log_.Write(LogLevel::kWarning, "port.promised", std::string(claimed.message()),
               {{"probe", unique_id}, {"port", unsigned{options_.first_port}}});
  }
  return port_map_.PortFor(unique_id, options_.first_port);
}

void Gateway::TryToListen(const std::string& unique_id, Served& served) {
  absl::Status problem;
  if (const auto port = AssignPort(unique_id); !port.ok()) {
    problem = port.status();
  } else if (auto listening = ProbePort::Listen(port_context_, served.probe, *port, options_.allow_remote);
             !listening.ok()) {
    problem = listening.status();
  } else {
    served.port = *std::move(listening);
    state_.Served(unique_id);
    log_.Write(LogLevel::kInfo, "probe.served",
               "Serving debug probe " + served.probe->description()->description() + " (" + unique_id + ") on port " +
                   std::to_string(served.port->port()),
               {{"probe", unique_id}, {"port", unsigned{served.port->port()}}});
    return;
  }
  state_.NotServed(unique_id, std::string(problem.message()));
  // A promise cannot be kept by another port. Where it is the only one, or the operator's own, it is better to say so
  // and go.
  const bool first_try = served.pause == kFirstListenPause;
  if (first_try && (alone_ || port_map_.FixedPort(unique_id))) {
    Fail(std::string(problem.message()));
    return;
  }
  if (first_try)
    log_.Write(LogLevel::kError, "probe.not_served", std::string(problem.message()) + "; trying again",
               {{"probe", unique_id}});
  served.retry.expires_after(served.pause);
  served.pause = std::min(served.pause * 2, kLongestListenPause);
  served.retry.async_wait([this, unique_id, &served](asio::error_code error) {
    if (!error && !stopped_) TryToListen(unique_id, served);
  });
}

void Gateway::WaitOnce(const std::string& what) {
  if (!options_.wait && served_.empty()) {
    Fail(what + ": connect it, or correct --uid");
  } else if (std::exchange(waiting_logged_, what) != what) {
    log_.Write(LogLevel::kWarning, "probe.awaited", what + "; waiting for it", {});
  }
}

void Gateway::Fail(const std::string& message) {
  log_.Write(LogLevel::kError, "gateway.failed", message, {});
  exit_code_ = 1;
  StopNow("the gateway stopped: " + message);
}

void Gateway::StopNow(const std::string& reason) {
  if (std::exchange(stopped_, true)) return;
  state_.Stopping();
  fleet_.Stop();
  for (auto& [unique_id, served] : served_) {
    served.retry.cancel();
    if (served.port) served.port->Stop(reason);
  }
  on_stop_();
}

}  // namespace probegate
