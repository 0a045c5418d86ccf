// The metrics of who is turned away, the same in every program that has an access file. docs/metrics.md explains them.
#pragma once

#include "telemetry/metrics.h"

namespace probegate::rows {

inline constexpr CounterRow kAccessDenials{
    "probegate_access_denials_total", "Calls refused because of who made them.", {"cause"}};
inline constexpr GaugeRow kAccessInvalid{
    "probegate_access_invalid", "Whether the access files have changed and are invalid, so that the old rules apply."};

}  // namespace probegate::rows
