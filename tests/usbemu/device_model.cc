#include "tests/usbemu/device_model.h"

#include <algorithm>
#include <utility>

#include "tests/usbemu/malformations.h"

namespace probegate::usbemu {
namespace {

constexpr uint8_t kTypeIn = 0x80;
constexpr uint8_t kTypeClassBits = 0x60;
constexpr uint8_t kTypeClass = 0x20;
constexpr uint8_t kRecipientBits = 0x1F;
constexpr uint8_t kRecipientEndpoint = 2;

constexpr uint8_t kGetStatus = 0;
constexpr uint8_t kClearFeature = 1;
constexpr uint8_t kSetFeature = 3;
constexpr uint8_t kGetDescriptor = 6;
constexpr uint8_t kGetConfiguration = 8;
constexpr uint8_t kSetConfiguration = 9;
constexpr uint8_t kGetInterface = 10;
constexpr uint8_t kSetInterface = 11;

constexpr uint8_t kHidGetReport = 0x01;
constexpr uint8_t kHidSetReport = 0x09;
constexpr uint8_t kHidSetIdle = 0x0A;
constexpr uint8_t kCdcSetLineCoding = 0x20;
constexpr uint8_t kCdcGetLineCoding = 0x21;
constexpr uint8_t kCdcSetControlLineState = 0x22;
constexpr uint8_t kCdcSendBreak = 0x23;
constexpr uint8_t kMscReset = 0xFF;
constexpr uint8_t kMscGetMaxLun = 0xFE;

}  // namespace

Setup Setup::Parse(std::span<const uint8_t, 8> bytes) {
  const auto word = [&](size_t at) { return static_cast<uint16_t>(bytes[at] | bytes[at + 1] << 8); };
  return {bytes[0], bytes[1], word(2), word(4), word(6)};
}

DeviceModel::DeviceModel(const DeviceSpec& spec, Speed speed, std::function<void(const Bytes&)> send)
    : descriptors_(MakeDescriptors(spec, speed)), send_(std::move(send)) {
  for (const Interface& interface : descriptors_.interfaces) {
    const bool is_dap = interface.function == Function::kDapBulk || interface.function == Function::kDapHid;
    if (is_dap) functions_.emplace_back(spec, interface);
    if (is_dap && interface.endpoints.size() > 2 && !trace_) trace_.emplace(interface.endpoints[2]);
  }
  if (!spec.malformed.empty()) FindMalformation(spec.malformed).apply(descriptors_);
}

DeviceModel::DeviceModel() : descriptors_(MakeHubDescriptors()), send_([](const Bytes&) {}) {}

const Endpoint* DeviceModel::FindEndpoint(uint8_t address) const {
  for (const Interface& interface : descriptors_.interfaces) {
    for (const Endpoint& endpoint : interface.endpoints) {
      if (endpoint.address == address) return &endpoint;
    }
  }
  return nullptr;
}

DapFunction* DeviceModel::Find(uint8_t endpoint) {
  for (DapFunction& function : functions_) {
    if (function.out_endpoint() == endpoint || function.in_endpoint() == endpoint) return &function;
  }
  return nullptr;
}

std::optional<Bytes> DeviceModel::Control(const Setup& setup, const Bytes& data) {
  return (setup.type & kTypeClassBits) == kTypeClass ? Class(setup, data) : Standard(setup);
}

std::optional<Bytes> DeviceModel::GetDescriptor(const Setup& setup) const {
  const auto index = static_cast<uint8_t>(setup.value);
  switch (setup.value >> 8) {
    case kDescriptorDevice:
      return descriptors_.device;
    case kDescriptorConfiguration:
      if (index != 0) return std::nullopt;
      return descriptors_.configuration;
    case kDescriptorString: {
      const auto text = descriptors_.strings.find(index);
      if (text == descriptors_.strings.end()) return std::nullopt;
      return text->second;
    }
    case kDescriptorReport:
      for (const Interface& interface : descriptors_.interfaces) {
        if (interface.number == (setup.index & 0xFF) && !interface.report.empty()) return interface.report;
      }
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

std::optional<Bytes> DeviceModel::Standard(const Setup& setup) {
  const bool to_endpoint = (setup.type & kRecipientBits) == kRecipientEndpoint;
  const auto endpoint = static_cast<uint8_t>(setup.index);
  switch (setup.request) {
    case kGetStatus:
      return Bytes{static_cast<uint8_t>(to_endpoint && halted(endpoint) ? 1 : 0), 0};
    case kClearFeature:
    case kSetFeature:
      if (!to_endpoint || FindEndpoint(endpoint) == nullptr) return std::nullopt;
      SetHalted(endpoint, setup.request == kSetFeature);
      return Bytes{};
    case kGetDescriptor:
      return GetDescriptor(setup);
    case kGetConfiguration:
      return Bytes{1};
    case kGetInterface:
      return Bytes{0};
    case kSetConfiguration:
    case kSetInterface:
      if (setup.value > (setup.request == kSetConfiguration ? 1 : 0)) return std::nullopt;
      return Bytes{};
    default:
      return std::nullopt;
  }
}

std::optional<Bytes> DeviceModel::Class(const Setup& setup, const Bytes& data) {
  const auto number = static_cast<uint8_t>(setup.index);
  const Interface* interface = nullptr;
  for (const Interface& candidate : descriptors_.interfaces) {
    if (candidate.number == number) interface = &candidate;
  }
  if (interface == nullptr) return std::nullopt;
  const bool in = (setup.type & kTypeIn) != 0;
  switch (interface->function) {
    case Function::kDapHid: {
      if (setup.request == kHidSetIdle) return Bytes{};
      const Endpoint& out = interface->endpoints[0];
      if (setup.request == kHidSetReport && !in) {
        if (!Out(out.address, data)) return std::nullopt;
        return Bytes{};
      }
      if (setup.request == kHidGetReport && in) {
        const uint8_t address = interface->endpoints[1].address;
        const Bytes* next = NextIn(address);
        if (next == nullptr) return std::nullopt;
        Bytes report = *next;
        TakenIn(address);
        return report;
      }
      return std::nullopt;
    }
    case Function::kCdc:
      if (setup.request == kCdcGetLineCoding) return line_coding_;
      if (setup.request == kCdcSetLineCoding && data.size() == line_coding_.size()) {
        line_coding_ = data;
        return Bytes{};
      }
      if (setup.request == kCdcSetControlLineState || setup.request == kCdcSendBreak) return Bytes{};
      return std::nullopt;
    case Function::kMsc:
      if (setup.request == kMscGetMaxLun) return Bytes{0};
      if (setup.request == kMscReset) return Bytes{};
      return std::nullopt;
    case Function::kKeyboard:
      if (!in && (setup.request == kHidSetIdle || setup.request == kHidSetReport)) return Bytes{};
      return std::nullopt;
    case Function::kDapBulk:
      return std::nullopt;
  }
  return std::nullopt;
}

bool DeviceModel::Out(uint8_t endpoint, std::span<const uint8_t> packet) {
  DapFunction* function = Find(endpoint);
  if (function == nullptr || hung_) return true;  // a function that is only a dummy swallows everything
  if (!function->HasRoom(packet)) return false;
  const std::optional<Bytes> request = function->Take(packet);
  if (!request) return true;
  if (DapFunction::HasReply(*request)) waiting_.push_back(function);
  send_(*request);
  return true;
}

const Bytes* DeviceModel::NextIn(uint8_t endpoint) {
  if (trace_endpoint() == endpoint) return trace_->packets().empty() ? nullptr : &trace_->packets().front();
  DapFunction* function = Find(endpoint);
  if (function == nullptr || function->packets().empty()) return nullptr;
  return &function->packets().front();
}

void DeviceModel::TakenIn(uint8_t endpoint) {
  if (trace_endpoint() == endpoint) {
    if (!trace_->packets().empty()) trace_->packets().pop_front();
  } else if (DapFunction* function = Find(endpoint)) {
    function->Taken();
  }
}

std::optional<uint8_t> DeviceModel::trace_endpoint() const {
  return trace_ ? std::optional(trace_->address()) : std::nullopt;
}

void DeviceModel::Trace(const Bytes& bytes) {
  if (trace_ && !hung_) trace_->Fill(bytes);
}

void DeviceModel::Reply(Bytes reply) {
  if (waiting_.empty()) return;
  DapFunction* function = waiting_.front();
  waiting_.pop_front();
  if (function != nullptr && !hung_) function->Reply(std::move(reply));
}

void DeviceModel::SetHalted(uint8_t endpoint, bool halted) {
  if (halted) {
    halted_.insert(endpoint);
  } else {
    halted_.erase(endpoint);
  }
}

void DeviceModel::Reset() {
  halted_.clear();
  if (trace_) trace_->packets().clear();
  for (DapFunction& function : functions_) function.Reset();
  // The board still answers them, unless it is restarted.
  if (std::exchange(hung_, false)) {
    waiting_.clear();
  } else {
    std::fill(waiting_.begin(), waiting_.end(), nullptr);
  }
}

}  // namespace probegate::usbemu
