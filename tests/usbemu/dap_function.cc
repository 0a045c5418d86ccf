#include "tests/usbemu/dap_function.h"

#include <algorithm>
#include <utility>

namespace probegate::usbemu {
namespace {

constexpr uint8_t kDapInfo = 0x00;
constexpr uint8_t kDapTransferAbort = 0x07;

constexpr uint8_t kInfoVendor = 0x01;
constexpr uint8_t kInfoProduct = 0x02;
constexpr uint8_t kInfoSerial = 0x03;
constexpr uint8_t kInfoPacketCount = 0xFE;
constexpr uint8_t kInfoPacketSize = 0xFF;

Bytes TextInfo(const std::string& text) {
  if (text.empty()) return {kDapInfo, 0};
  const size_t size = std::min<size_t>(text.size(), 60);
  Bytes reply = {kDapInfo, static_cast<uint8_t>(size + 1)};
  reply.insert(reply.end(), text.begin(), text.begin() + static_cast<ptrdiff_t>(size));
  reply.push_back(0);
  return reply;
}

}  // namespace

DapFunction::DapFunction(const DeviceSpec& spec, const Interface& interface)
    : hid_(interface.function == Function::kDapHid),
      out_(interface.endpoints[0]),
      in_(interface.endpoints[1]),
      spec_(spec),
      packet_size_(spec.packet_size.value_or(out_.max_packet)),
      buffer_size_(packet_size_ == 0 ? out_.max_packet : packet_size_) {}

bool DapFunction::HasRoom(std::span<const uint8_t> packet) const {
  if (request_.empty() && !packet.empty() && packet[0] == kDapTransferAbort) return true;
  return asked_.size() + replies_.size() < std::max(1u, spec_.packet_count);
}

bool DapFunction::HasReply(const Bytes& request) { return request[0] != kDapTransferAbort; }

std::optional<Bytes> DapFunction::Take(std::span<const uint8_t> packet) {
  request_.insert(request_.end(), packet.begin(), packet.end());
  if (packet.size() == out_.max_packet && request_.size() < buffer_size_) return std::nullopt;
  Bytes request = std::exchange(request_, {});
  request.resize(std::min<size_t>(request.size(), buffer_size_));
  if (request.empty()) return std::nullopt;
  if (HasReply(request)) asked_.push_back(InfoAsked(request));
  return request;
}

std::optional<uint8_t> DapFunction::InfoAsked(const Bytes& request) {
  if (request.size() < 2 || request[0] != kDapInfo) return std::nullopt;
  return request[1];
}

void DapFunction::ChangeInfo(uint8_t id, Bytes& reply) const {
  switch (id) {
    case kInfoVendor:
      reply = TextInfo(spec_.vendor);
      break;
    case kInfoProduct:
      reply = TextInfo(spec_.product);
      break;
    case kInfoSerial:
      reply = TextInfo(spec_.serial.value_or(""));
      break;
    case kInfoPacketCount:
      reply = {kDapInfo, 1, static_cast<uint8_t>(spec_.packet_count)};
      break;
    case kInfoPacketSize:
      reply = {kDapInfo, 2};
      Append16(reply, packet_size_);
      break;
    default:
      break;
  }
}

void DapFunction::Reply(Bytes reply) {
  if (asked_.empty()) return;
  const std::optional<uint8_t> asked = asked_.front();
  asked_.pop_front();
  if (asked && !reply.empty() && reply[0] == kDapInfo) ChangeInfo(*asked, reply);
  reply.resize(hid_ ? buffer_size_ : std::min<size_t>(reply.size(), buffer_size_));
  reply.resize(reply.size() + spec_.reply_extra, 0xEE);

  size_t count = 0;
  for (size_t at = 0; at < reply.size(); at += in_.max_packet, ++count) {
    const size_t end = std::min<size_t>(reply.size(), at + in_.max_packet);
    packets_.emplace_back(reply.begin() + static_cast<ptrdiff_t>(at), reply.begin() + static_cast<ptrdiff_t>(end));
  }
  const bool has_end = reply.size() % in_.max_packet != 0 || reply.size() >= buffer_size_;
  if (!has_end) {
    packets_.emplace_back();
    ++count;
  }
  replies_.push_back(count);
}

void DapFunction::Taken() {
  if (packets_.empty()) return;
  packets_.pop_front();
  if (--replies_.front() == 0) replies_.pop_front();
}

void DapFunction::Reset() {
  request_.clear();
  asked_.clear();
  packets_.clear();
  replies_.clear();
}

}  // namespace probegate::usbemu
