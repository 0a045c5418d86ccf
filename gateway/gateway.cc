#include "gateway/gateway.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "asio/dispatch.hpp"
#include "asio/post.hpp"

namespace probegate {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstWatchPause{250};
constexpr milliseconds kLongestWatchPause{5'000};
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

Gateway::Gateway(asio::io_context& io, Upstream& upstream, PortMap& ports, GatewayOptions options, Chooser choose,
                 std::function<void()> on_stop, GatewayMetrics& metrics, Log& log)
    : options_(std::move(options)),
      port_map_(ports),
      choose_(std::move(choose)),
      on_stop_(std::move(on_stop)),
      log_(log),
      upstream_(upstream),
      strand_(asio::make_strand(io)),
      state_(options_.server, metrics),
      budget_(options_.max_connections, metrics),
      port_context_{io, upstream, options_.connection, budget_, metrics, log},
      watch_retry_(strand_),
      watch_pause_(kFirstWatchPause) {}

Gateway::~Gateway() = default;

void Gateway::Start() {
  if (options_.allow_remote) {
    log_.Write(LogLevel::kWarning, "remote.allowed",
               "--allow-remote: the protocol has no passwords, so anyone who reaches these ports controls the boards",
               {});
  }
  asio::post(strand_, [this] { Watch(); });
}

void Gateway::Stop(std::string reason) {
  asio::dispatch(strand_, [this, reason = std::move(reason)] { StopNow(reason); });
}

void Gateway::Watch() {
  if (stopped_) return;
  const uint64_t number = ++watch_number_;
  // What holds the strand up holds this object too: see the constructor.
  watch_ = upstream_.WatchProbes({
      .on_event =
          [this, strand = strand_, number](v1::WatchProbesResponse event) {
            asio::post(strand, [this, number, event = std::move(event)] {
              if (number == watch_number_ && !stopped_) TakeEvent(event);
            });
          },
      .on_end =
          [this, strand = strand_, number](WatchEnd end, std::string reason) {
            asio::post(strand, [this, number, end, reason = std::move(reason)] {
              if (number == watch_number_ && !stopped_) TakeWatchEnd(end, reason);
            });
          },
  });
}

void Gateway::TakeEvent(const v1::WatchProbesResponse& event) {
  if (event.has_changed()) {
    const v1::ProbeDescription& probe = event.changed().description();
    known_[probe.unique_id()] = probe;
    if (const auto served = served_.find(probe.unique_id()); served != served_.end())
      served->second.probe->Update(probe);
  } else {
    if (outage_logged_ || !server_known_) log_.Info("server.connected", {{"server", options_.server}});
    if (!std::exchange(server_known_, true)) WarnOfUnknownMaps();
    outage_logged_ = false;
    state_.ServerFound();
    watch_pause_ = kFirstWatchPause;
  }
  // Before the snapshot is complete, what looks like the only probe may be one of many.
  if (server_known_) Consider();
}

void Gateway::WarnOfUnknownMaps() {
  for (const auto& [mapped, port] : port_map_.fixed()) {
    if (std::any_of(known_.begin(), known_.end(), [&](const auto& probe) { return SameId(probe.first, mapped); })) {
      continue;
    }
    log_.Write(LogLevel::kWarning, "map.unknown",
               "--map " + mapped + "=" + std::to_string(port) +
                   ": the server has no debug probe of this unique ID (a part of one is not enough); the port is kept "
                   "for it",
               {{"probe", mapped}, {"port", unsigned{port}}});
  }
}

void Gateway::TakeWatchEnd(WatchEnd end, const std::string& reason) {
  watch_.reset();
  if (end == WatchEnd::kIncompatible && !server_known_) {
    Fail("the server at " + options_.server + " does not speak probegate.v1 (" + reason +
         "): name a probegate-server of this version with --server");
    return;
  }
  const std::string message = "cannot reach the server at " + options_.server + " (" + reason + ")";
  state_.ServerLost(message);
  if (!options_.wait && !server_known_) {
    Fail(message + ": start probegate-server, or name it with --server");
    return;
  }
  if (!std::exchange(outage_logged_, true)) {
    log_.Write(LogLevel::kWarning, "server.unreachable", message + "; waiting for it",
               {{"server", options_.server}, {"reason", reason}});
  }
  watch_retry_.expires_after(watch_pause_);
  watch_pause_ = std::min(watch_pause_ * 2, kLongestWatchPause);
  watch_retry_.async_wait([this](asio::error_code error) {
    if (!error) Watch();
  });
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
    WaitOnce("debug probe " + Join(missing) + " is not known to the server at " + options_.server + ", which has " +
             (known.empty() ? "none" : Join(known)));
  } else if (selected.empty()) {
    WaitOnce("the server at " + options_.server + " has no debug probe");
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
  for (const std::string& unique_id : candidates) probes.push_back(known_[unique_id]);
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
  entry->second.probe = std::make_shared<ServedProbe>(known_[unique_id]);
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
  watch_.reset();
  watch_retry_.cancel();
  for (auto& [unique_id, served] : served_) {
    served.retry.cancel();
    if (served.port) served.port->Stop(reason);
  }
  on_stop_();
}

}  // namespace probegate
