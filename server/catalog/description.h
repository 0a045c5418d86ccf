// How a probe is described to users.
#pragma once

#include <string>

#include "probe/probe.h"
#include "probegate/v1/debug_probe.pb.h"

namespace probegate {

// The longest text from a probe that is kept, in bytes. A USB string has at most 126 characters.
inline constexpr size_t kMaxProbeText = 128;

// A probe's unique ID as users see it: one line of valid UTF-8, whatever the probe's own string contains.
std::string CleanUniqueId(const std::string& unique_id);

// The longest key of a label, and the most labels that a probe can have.
inline constexpr size_t kMaxLabelKey = 63;
inline constexpr size_t kMaxLabels = 64;

// "Vendor Product" in one line, without the vendor twice.
std::string VendorAndProduct(const std::string& vendor, const std::string& product);

// `info` as a message, with the capabilities and labels that the server adds to those of every probe. `host` is this
// machine's name. Each string is made one line of valid UTF-8.
v1::ProbeDescription Describe(const ProbeInfo& info, const std::string& host = "");

}  // namespace probegate
