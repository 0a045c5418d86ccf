#include "gateway/gateway.h"

#include <algorithm>
#include <utility>

#include "asio/dispatch.hpp"
#include "asio/post.hpp"
#include "base/ignoring_case.h"

namespace probegate {
namespace {

using std::chrono::milliseconds;

// How many ports are opened before the strand runs other work.
constexpr size_t kProbesAtOnce = 32;
// How many probes a message lists; there may be hundreds.
constexpr size_t kListedProbes = 10;

constexpr milliseconds kFirstListenPause{1'000};
constexpr milliseconds kLongestListenPause{30'000};

template <typename Strings>
std::string Join(const Strings& strings) {
  std::string text;
  for (const auto& string : strings) text += (text.empty() ? "" : ", ") + string;
  return text;
}

}  // namespace

Gateway::Gateway(asio::io_context& io, Upstreams& upstreams, LookUp look_up, PortMap& ports, GatewayOptions options,
                 Chooser choose, std::function<void()> on_stop, AcceptLoop& accept_loop, ClientBounds& bounds,
                 GatewayMetrics& metrics, Uncounted& uncounted, Log& log)
    : options_(std::move(options)),
      port_map_(ports),
      choose_(std::move(choose)),
      on_stop_(std::move(on_stop)),
      log_(log),
      strand_(asio::make_strand(io)),
      state_(metrics),
      port_context_{io, accept_loop, {options_.connection, bounds, metrics, log}, uncounted},
      fleet_(strand_, upstreams, options_.fleet, std::move(look_up),
             {.on_probe = [this](const auto& probe, const auto& upstream) { TakeProbe(probe, upstream); },
              .on_change = [this] { TakeChange(); }},
             state_, log),
      choice_(options_.probes, options_.whole_ids) {}

Gateway::~Gateway() = default;

void Gateway::Start() {
  if (options_.allow_remote) {
    log_.Write(LogLevel::kWarning, "remote.allowed",
               options_.allow_from.empty()
                   ? "--allow-remote: the protocol has no passwords, so anyone who reaches these ports controls the "
                     "boards; --allow-from says who may connect"
                   : "--allow-remote: the protocol has no passwords and is not encrypted, so anyone with an address of "
                     "--allow-from, or on the way from there, controls the boards",
               {});
  }
  asio::post(strand_, [this] {
    if (!stopped_) fleet_.Start();
  });
}

void Gateway::Stop(std::string reason) {
  asio::dispatch(strand_, [this, reason = std::move(reason)] {
    if (!stopped_) log_.Info("stopping", {{"reason", reason}});
    StopNow(reason);
  });
}

void Gateway::TakeProbe(const v1::ProbeDescription& probe, const std::shared_ptr<Upstream>& upstream) {
  known_[probe.unique_id()] = {probe, upstream};
  if (const auto served = served_.find(probe.unique_id()); served != served_.end()) {
    served->second.probe->Update(probe, upstream);
  }
}

void Gateway::TakeChange() {
  // Until the lists are complete, what looks like the only probe may be one of many.
  if (!fleet_.settled()) return;
  if (!fleet_.found_any()) {
    if (const auto problem = fleet_.incompatible()) {
      Fail(*problem + ": name a probegate-server of this version with --server");
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
    if (std::any_of(known_.begin(), known_.end(),
                    [&](const auto& probe) { return EqualsIgnoringCase(probe.first, mapped); })) {
      continue;
    }
    log_.Write(LogLevel::kWarning, "map.unknown",
               "--map " + mapped + "=" + std::to_string(port) +
                   ": no server has a debug probe with this unique ID (--map needs the whole ID); the port stays "
                   "reserved for it",
               {{"probe", mapped}, {"port", unsigned{port}}});
  }
}

void Gateway::Consider() {
  if (stopped_ || choosing_) return;
  const auto selected = Select();
  if (!selected) return;
  std::vector<std::string> fresh;
  for (const std::string& unique_id : *selected) {
    if (!served_.contains(unique_id)) fresh.push_back(unique_id);
  }
  const bool more = fresh.size() > kProbesAtOnce;
  if (more) fresh.resize(kProbesAtOnce);
  Serve(fresh);
  if (stopped_) return;
  if (more) {
    asio::post(strand_, [this] { Consider(); });
  } else if (!std::exchange(started_, true)) {
    state_.Started();
  }
}

std::optional<std::set<std::string>> Gateway::Select() {
  std::set<std::string> known;
  for (const auto& [unique_id, probe] : known_) known.insert(unique_id);
  ProbeChoice::Result choice = choice_.Choose(known, fleet_.all_found());
  if (chosen_) choice.chosen = {*chosen_};
  ReportAmbiguous(choice);
  if (stopped_) return std::nullopt;
  if (!choice.missing.empty()) {
    ReportMissing(choice);
  } else if (choice.chosen.empty() && choice.ambiguous.empty()) {
    WaitOnce("none", "there is no debug probe: " + fleet_.ToString() + " reported none");
  }
  if (stopped_ || (served_.empty() && AskWhichProbe(choice.chosen))) return std::nullopt;
  alone_ = choice.chosen.size() == 1 && choice.missing.empty() && served_.size() <= 1;
  return std::move(choice.chosen);
}

void Gateway::ReportAmbiguous(const ProbeChoice::Result& choice) {
  for (const auto& [pattern, matches] : choice.ambiguous) {
    const std::string message =
        "--uid " + pattern + " matches several debug probes (" + Join(matches) + "): give more of the unique ID";
    if (!started_) return Fail(message);
    if (!ambiguous_logged_.insert(pattern).second) continue;
    log_.Write(LogLevel::kError, "probe.ambiguous", message + "; it selects none of them", {{"probe", pattern}});
  }
}

void Gateway::ReportMissing(const ProbeChoice::Result& choice) {
  const std::string missing = Join(choice.missing);
  if (choice.missing == choice.undecided) {
    WaitOnce("undecided " + missing, "--uid " + missing + " may also match a debug probe of another server: " +
                                         fleet_.problem() + "; give the whole unique ID");
    return;
  }
  std::vector<std::string> known;
  for (const auto& [unique_id, probe] : known_) {
    if (known.size() < kListedProbes) known.push_back(unique_id);
  }
  if (known_.size() > known.size()) known.push_back(std::to_string(known_.size() - known.size()) + " more");
  WaitOnce("missing " + missing, "debug probe " + missing + " is not known to " + fleet_.ToString() +
                                     "; known: " + (known.empty() ? "none" : Join(known)));
}

bool Gateway::AskWhichProbe(const std::set<std::string>& candidates) {
  // An operator who has named ports or probes is not asked.
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

void Gateway::Serve(const std::vector<std::string>& unique_ids) {
  absl::StatusOr<std::map<std::string, uint16_t>> ports{{}};
  if (unique_ids.size() > 1 && options_.first_port != 0) ports = port_map_.PortsFor(unique_ids, options_.first_port);
  for (const std::string& unique_id : unique_ids) {
    if (stopped_) return;
    Served& served = served_.emplace(unique_id, strand_).first->second;
    served.probe = std::make_shared<ServedProbe>(known_[unique_id].description, known_[unique_id].upstream);
    served.pause = kFirstListenPause;
    const bool given = ports.ok() && ports->contains(unique_id);
    TryToListen(unique_id, served, given ? ports->at(unique_id) : AssignPort(unique_id));
  }
}

absl::StatusOr<uint16_t> Gateway::AssignPort(const std::string& unique_id) {
  if (options_.first_port == 0) return port_map_.FixedPort(unique_id).value_or(0);
  if (alone_ && options_.first_port_given && !port_map_.FixedPort(unique_id)) {
    const absl::Status claimed = port_map_.Claim(unique_id, options_.first_port);
    if (claimed.ok()) return options_.first_port;
    // The port is promised to another probe, which is away. This probe keeps its own port, or gets one.
    log_.Write(LogLevel::kWarning, "port.promised", std::string(claimed.message()),
               {{"probe", unique_id}, {"port", unsigned{options_.first_port}}});
  }
  return port_map_.PortFor(unique_id, options_.first_port);
}

void Gateway::TryToListen(const std::string& unique_id, Served& served, const absl::StatusOr<uint16_t>& port) {
  if (!port.ok()) return TakeProblem(unique_id, served, std::string(port.status().message()));
  auto listening = ProbePort::Listen(
      port_context_, served.probe, *port,
      {.remote = options_.allow_remote, .from = options_.allow_from, .own_user_only = options_.own_user_only});
  if (!listening.ok()) return TakeProblem(unique_id, served, std::string(listening.status().message()));
  served.port = *std::move(listening);
  port_check_.Add(served.port);
  state_.Served(unique_id);
  log_.Write(LogLevel::kInfo, "probe.served",
             "Serving debug probe " + served.probe->description()->description() + " (" + unique_id + ") on port " +
                 std::to_string(served.port->port()),
             {{"probe", unique_id}, {"port", unsigned{served.port->port()}}});
}

void Gateway::TakeProblem(const std::string& unique_id, Served& served, const std::string& problem) {
  state_.NotServed(unique_id, problem);
  // The probe was promised this port, so another one will not do. If it is the only probe, or the operator chose the
  // port, it is better to report the problem and exit. But not once other probes are being served.
  if (!started_ && (alone_ || port_map_.FixedPort(unique_id))) return Fail(problem);
  if (served.pause == kFirstListenPause)
    log_.Write(LogLevel::kError, "probe.not_served", problem + "; trying again", {{"probe", unique_id}});
  served.retry.expires_after(served.pause);
  served.pause = std::min(served.pause * 2, kLongestListenPause);
  served.retry.async_wait([this, unique_id, &served](asio::error_code error) {
    if (!error && !stopped_) TryToListen(unique_id, served, AssignPort(unique_id));
  });
}

void Gateway::WaitOnce(const std::string& key, const std::string& what) {
  if (!options_.wait && served_.empty()) {
    Fail(what + ": connect it, or correct --uid");
  } else if (std::exchange(waiting_logged_, key) != key) {
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
