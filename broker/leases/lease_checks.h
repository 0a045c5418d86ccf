// What requests of clients must look like.
#pragma once

#include <chrono>
#include <vector>

#include "absl/status/status.h"
#include "broker/schedule/selector.h"
#include "google/protobuf/duration.pb.h"
#include "probegate/broker/v1/leases.pb.h"
#include "probegate/broker/v1/registration.pb.h"

namespace probegate::broker {

// INVALID_ARGUMENT, with what is wrong, unless the selectors, the note, the address and the queue time-out are as
// proto/probegate/broker/v1/leases.proto says.
absl::Status CheckRequest(const v1::LeaseRequest& request);

// INVALID_ARGUMENT unless `duration` is from `least` to `most`. `what` is what it is, for the message.
absl::Status CheckDuration(const std::string& what, const google::protobuf::Duration& duration,
                           std::chrono::milliseconds least, std::chrono::milliseconds most);

// INVALID_ARGUMENT if `text` is longer than 256 bytes.
absl::Status CheckText(const std::string& what, const std::string& text);

// INVALID_ARGUMENT unless the server's reports are as proto/probegate/broker/v1/registration.proto says.
absl::Status CheckHello(const v1::Hello& hello);
absl::Status CheckReport(const v1::ProbeReport& probe);

// Of a duration that has passed CheckDuration.
std::chrono::milliseconds FromMessage(const google::protobuf::Duration& duration);
google::protobuf::Duration ToMessage(std::chrono::nanoseconds duration);

std::vector<Selector> SelectorsOf(const v1::LeaseRequest& request);

}  // namespace probegate::broker
