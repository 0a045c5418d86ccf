#include "sim/cmsis_dap/device.h"

#include <algorithm>

namespace probegate::sim {
namespace {

constexpr uint32_t kDefaultClock = 1'000'000;

constexpr uint8_t kPortDefault = 0;
constexpr uint8_t kPortSwd = 1;
constexpr uint8_t kPortJtag = 2;

}  // namespace

const Device::CommandRow Device::kCommands[] = {
    {Command::kInfo, &Device::Info},
    {Command::kHostStatus, &Device::HostStatus},
    {Command::kConnect, &Device::Connect},
    {Command::kDisconnect, &Device::Disconnect},
    {Command::kTransferConfigure, &Device::TransferConfigure},
    {Command::kTransfer, &Device::Transfer},
    {Command::kTransferBlock, &Device::TransferBlock},
    {Command::kWriteAbort, &Device::WriteAbort},
    {Command::kDelay, &Device::Delay},
    {Command::kResetTarget, &Device::ResetTarget},
    {Command::kSwjPins, &Device::SwjPins},
    {Command::kSwjClock, &Device::SwjClock},
    {Command::kSwjSequence, &Device::SwjSequence},
    {Command::kSwdConfigure, &Device::SwdConfigure},
    {Command::kSwdSequence, &Device::SwdSequence},
    {Command::kJtagSequence, &Device::JtagSequence},
    {Command::kJtagConfigure, &Device::JtagConfigure},
    {Command::kJtagIdcode, &Device::JtagIdcode},
    {Command::kSwoTransport, &Device::SwoTransport},
    {Command::kSwoMode, &Device::SwoMode},
    {Command::kSwoBaudrate, &Device::SwoBaudrate},
    {Command::kSwoControl, &Device::SwoControl},
    {Command::kSwoStatus, &Device::SwoStatus},
    {Command::kSwoExtendedStatus, &Device::SwoExtendedStatus},
    {Command::kSwoData, &Device::SwoData},
};

Device::Device(Chip& chip, std::string serial, std::function<uint32_t()> timer)
    : chip_(chip),
      serial_(std::move(serial)),
      timer_(std::move(timer)),
      transfers_(chip.pins(), chip.debug_port(), timer_),
      swo_(chip),
      clock_hz_(kDefaultClock) {}

std::span<const Reply> Device::Process(std::span<const uint8_t> packet) {
  reply_count_ = 0;
  const Command command = packet.empty() ? Command::kInvalid : static_cast<Command>(packet[0]);
  if (command == Command::kTransferAbort) return {};
  if (command == Command::kQueueCommands) {
    queued_.emplace_back(packet.begin(), packet.end());
    if (queued_.size() < kPacketCount) return {};
  }
  for (const std::vector<uint8_t>& queued : queued_) Execute(queued);
  queued_.clear();
  if (command != Command::kQueueCommands) Execute(packet);
  return {replies_.data(), reply_count_};
}

void Device::Execute(std::span<const uint8_t> packet) {
  Reply& out = replies_[reply_count_++];
  busy_ = {};
  RequestReader request(packet);
  ReplyWriter reply(out.buffer);
  const Command command = packet.empty() ? Command::kInvalid : static_cast<Command>(packet[0]);
  if (command == Command::kExecuteCommands || command == Command::kQueueCommands) {
    ExecuteList(request, reply);
  } else {
    ExecuteOne(request, reply);
  }
  out.size = reply.size();
  out.busy = busy_;
}

// A queued list is answered as if it had been DAP_ExecuteCommands.
void Device::ExecuteList(RequestReader& request, ReplyWriter& reply) {
  request.U8();
  const uint8_t count = request.U8();
  if (!request.ok()) {
    reply.U8(static_cast<uint8_t>(Command::kInvalid));
    return;
  }
  reply.U8(static_cast<uint8_t>(Command::kExecuteCommands));
  reply.U8(count);
  for (unsigned i = 0; i < count && request.ok(); ++i) ExecuteOne(request, reply);
}

void Device::ExecuteOne(RequestReader& request, ReplyWriter& reply) {
  const size_t head = reply.size();
  const auto command = static_cast<Command>(request.U8());
  const auto row = std::find_if(std::begin(kCommands), std::end(kCommands),
                                [command](const CommandRow& candidate) { return candidate.command == command; });
  if (request.ok() && row != std::end(kCommands)) {
    reply.U8(static_cast<uint8_t>(command));
    if ((this->*row->handler)(request, reply)) return;
  }
  // What follows a command that cannot be understood has no known beginning.
  request.Bytes(request.left() + 1);
  reply.Truncate(head);
  reply.U8(static_cast<uint8_t>(Command::kInvalid));
}

void Device::Unplug() {
  port_ = Port::kNone;
  DriveReset(false);
  clock_hz_ = kDefaultClock;
  transfers_.ResetSettings();
  swo_.Reset();
  queued_.clear();
}

bool Device::HostStatus(RequestReader& request, ReplyWriter& reply) {
  const uint8_t type = request.U8();
  request.U8();
  reply.U8(type <= 1 ? kStatusOk : kStatusError);
  return request.ok();
}

bool Device::Connect(RequestReader& request, ReplyWriter& reply) {
  const uint8_t port = request.U8();
  if (!request.ok()) return false;
  if (port == kPortDefault || port == kPortSwd) port_ = Port::kSwd;
  if (port == kPortJtag) port_ = Port::kJtag;
  transfers_.UseJtag(port_ == Port::kJtag);
  tdi_ = true;
  reply.U8(port <= kPortJtag ? static_cast<uint8_t>(port_) : 0);
  return true;
}

bool Device::Disconnect(RequestReader&, ReplyWriter& reply) {
  port_ = Port::kNone;
  DriveReset(false);
  reply.U8(kStatusOk);
  return true;
}

bool Device::Delay(RequestReader& request, ReplyWriter& reply) {
  busy_ += std::chrono::microseconds(request.U16());
  reply.U8(kStatusOk);
  return request.ok();
}

// No reset sequence of a device's own.
bool Device::ResetTarget(RequestReader&, ReplyWriter& reply) {
  reply.U8(kStatusOk);
  reply.U8(0);
  return true;
}

void Device::DriveReset(bool asserted) {
  reset_asserted_ = asserted;
  chip_.SetReset(asserted);
}

}  // namespace probegate::sim
