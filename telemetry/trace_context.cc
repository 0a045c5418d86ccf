#include "telemetry/trace_context.h"

#include <algorithm>
#include <cstddef>

namespace probegate {
namespace {

constexpr size_t kTraceIdAt = 3;
constexpr size_t kParentIdAt = 36;
constexpr size_t kFlagsAt = 53;
constexpr size_t kLength = 55;
constexpr size_t kTraceIdDigits = 32;
constexpr size_t kParentIdDigits = 16;

bool IsDigit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

bool IsId(std::string_view text) {
  return std::ranges::all_of(text, IsDigit) && std::ranges::any_of(text, [](char c) { return c != '0'; });
}

}  // namespace

std::string TraceIdOf(std::string_view traceparent) {
  if (traceparent.size() < kLength) return {};
  for (const size_t dash : {kTraceIdAt, kParentIdAt, kFlagsAt}) {
    if (traceparent[dash - 1] != '-') return {};
  }
  const std::string_view version = traceparent.substr(0, 2);
  const std::string_view trace_id = traceparent.substr(kTraceIdAt, kTraceIdDigits);
  const std::string_view parent_id = traceparent.substr(kParentIdAt, kParentIdDigits);
  const std::string_view flags = traceparent.substr(kFlagsAt, 2);
  if (!std::ranges::all_of(version, IsDigit) || version == "ff") return {};
  if (!IsId(trace_id) || !IsId(parent_id) || !std::ranges::all_of(flags, IsDigit)) return {};
  const bool has_more = traceparent.size() > kLength;
  if (has_more && (version == "00" || traceparent[kLength] != '-')) return {};
  return std::string(trace_id);
}

}  // namespace probegate
