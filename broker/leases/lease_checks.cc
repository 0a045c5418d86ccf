#include "broker/leases/lease_checks.h"

#include <algorithm>

#include <google/protobuf/util/time_util.h>

#include "absl/strings/str_cat.h"
#include "base/address_range.h"
#include "broker/leases/lease_rules.h"

namespace probegate::broker {
namespace {

using google::protobuf::util::TimeUtil;

constexpr int kMostSelectors = 16;
constexpr int kMostSelectorLabels = 16;
constexpr uint64_t kMostProbes = 16;  // of one lease
constexpr size_t kMostText = 256;     // bytes
constexpr size_t kMostHost = 255;     // bytes; the longest host name
constexpr int kMostProbeLabels = 64;

absl::Status Refuse(const std::string& why) { return absl::InvalidArgumentError(why); }

std::string Seconds(std::chrono::milliseconds time) {
  return absl::StrCat(static_cast<double>(time.count()) / 1000, " s");
}

absl::Status CheckSelector(const v1::Selector& selector) {
  if (selector.labels().empty()) return Refuse("a selector has no labels; name at least one, such as board=nrf52840dk");
  if (selector.labels_size() > kMostSelectorLabels) {
    return Refuse(
        absl::StrCat("a selector has ", selector.labels_size(), " labels; it may have ", kMostSelectorLabels));
  }
  for (const auto& [name, value] : selector.labels()) {
    if (name.empty()) return Refuse("a selector has a label without a name");
    if (absl::Status wrong = CheckText("a label's name", name); !wrong.ok()) return wrong;
    if (absl::Status wrong = CheckText("the value of the label " + name, value); !wrong.ok()) return wrong;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckText(const std::string& what, const std::string& text) {
  if (text.size() <= kMostText) return absl::OkStatus();
  return Refuse(absl::StrCat(what, " has ", text.size(), " bytes; it may have ", kMostText));
}

absl::Status CheckDuration(const std::string& what, const google::protobuf::Duration& duration,
                           std::chrono::milliseconds least, std::chrono::milliseconds most) {
  const bool valid = duration.seconds() >= TimeUtil::kDurationMinSeconds &&
                     duration.seconds() <= TimeUtil::kDurationMaxSeconds && duration.nanos() > -1'000'000'000 &&
                     duration.nanos() < 1'000'000'000;
  if (!valid) return Refuse(absl::StrCat(what, " is not a valid duration"));
  const std::chrono::milliseconds time(TimeUtil::DurationToMilliseconds(duration));
  if (time >= least && time <= most) return absl::OkStatus();
  return Refuse(absl::StrCat(what, " is ", TimeUtil::ToString(duration), "; it must be from ", Seconds(least), " to ",
                             Seconds(most)));
}

absl::Status CheckRequest(const v1::LeaseRequest& request) {
  if (request.selectors().empty()) return Refuse("the request has no selectors; name the labels of a probe");
  if (request.selectors_size() > kMostSelectors) {
    return Refuse(
        absl::StrCat("the request has ", request.selectors_size(), " selectors; it may have ", kMostSelectors));
  }
  uint64_t probes = 0;
  for (const v1::Selector& selector : request.selectors()) {
    if (absl::Status wrong = CheckSelector(selector); !wrong.ok()) return wrong;
    probes += std::max(selector.count(), uint32_t{1});
  }
  if (probes > kMostProbes) {
    return Refuse(absl::StrCat("the request is for ", probes, " probes; it may be for ", kMostProbes));
  }
  if (absl::Status wrong = CheckText("the note", request.note()); !wrong.ok()) return wrong;
  if (!request.for_address().empty() && !AddressRange::Parse(request.for_address())) {
    return Refuse("for_address is not an IP address");
  }
  if (!request.has_queue_timeout()) return absl::OkStatus();
  return CheckDuration("the queue time-out", request.queue_timeout(), std::chrono::milliseconds(0), kMostQueueTimeout);
}

absl::Status CheckReport(const v1::ProbeReport& probe) {
  if (probe.uid().empty()) return Refuse("a probe has no unique ID");
  if (absl::Status wrong = CheckText("a probe's unique ID", probe.uid()); !wrong.ok()) return wrong;
  if (probe.labels_size() > kMostProbeLabels) {
    return Refuse(absl::StrCat("the probe ", probe.uid(), " has ", probe.labels_size(), " labels; it may have ",
                               kMostProbeLabels));
  }
  for (const auto& [name, value] : probe.labels()) {
    for (const std::string& text : {name, value}) {
      if (absl::Status wrong = CheckText("a label of the probe " + probe.uid(), text); !wrong.ok()) return wrong;
    }
  }
  return absl::OkStatus();
}

absl::Status CheckHello(const v1::Hello& hello) {
  if (hello.host().empty()) return Refuse("the server does not say the name of its machine");
  if (hello.host().size() > kMostHost) return Refuse("the name of the server's machine is too long");
  if (absl::Status wrong = CheckText("the server's address", hello.address()); !wrong.ok()) return wrong;
  for (const v1::ProbeReport& probe : hello.probes()) {
    if (absl::Status wrong = CheckReport(probe); !wrong.ok()) return wrong;
  }
  return absl::OkStatus();
}

std::chrono::milliseconds FromMessage(const google::protobuf::Duration& duration) {
  return std::chrono::milliseconds(TimeUtil::DurationToMilliseconds(duration));
}

google::protobuf::Duration ToMessage(std::chrono::nanoseconds duration) {
  return TimeUtil::MillisecondsToDuration(
      std::max<int64_t>(0, std::chrono::duration_cast<std::chrono::milliseconds>(duration).count()));
}

std::vector<Selector> SelectorsOf(const v1::LeaseRequest& request) {
  std::vector<Selector> selectors;
  for (const v1::Selector& selector : request.selectors()) {
    selectors.push_back({.labels = Labels(selector.labels().begin(), selector.labels().end()),
                         .count = std::max(selector.count(), uint32_t{1})});
  }
  return selectors;
}

}  // namespace probegate::broker
