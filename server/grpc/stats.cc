#include "server/grpc/stats.h"

namespace probegate {
namespace {

void Fill(const Histogram::Snapshot& from, v1::LatencyHistogram& to) {
  to.mutable_bounds_seconds()->Add(from.bounds.begin(), from.bounds.end());
  to.mutable_counts()->Add(from.buckets.begin(), from.buckets.end());
  to.set_sum_seconds(from.sum);
}

}  // namespace

v1::ProbeStats ToMessage(const ProbeStats& stats) {
  v1::ProbeStats message;
  *message.mutable_status() = stats.status;
  message.set_queue_depth(static_cast<uint32_t>(stats.queue_depth));
  message.set_lock_held(stats.lock_held);
  message.set_lock_waiters(static_cast<uint32_t>(stats.lock_waiters));
  message.set_commands(stats.commands);
  message.set_command_failures(stats.command_failures);
  message.set_packets(stats.packets);
  message.set_transfers(stats.transfers);
  message.set_bytes_out(stats.bytes_out);
  message.set_bytes_in(stats.bytes_in);
  message.set_wait_acks(stats.wait_acks);
  message.set_fault_acks(stats.fault_acks);
  message.set_no_acks(stats.no_acks);
  message.set_retries(stats.retries);
  Fill(stats.command_wait, *message.mutable_command_wait());
  Fill(stats.command_wire, *message.mutable_command_wire());
  return message;
}

}  // namespace probegate
