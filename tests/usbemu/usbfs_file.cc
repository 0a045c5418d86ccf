#include "tests/usbemu/usbfs_file.h"

#include <linux/usbdevice_fs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace probegate::usbemu {
namespace {

constexpr unsigned kLargestBuffer = 16u << 20;  // usbfs' default limit for all buffers of a program together
constexpr size_t kSetupSize = 8;

void CopyName(const std::string& name, std::span<char> to) {
  const size_t count = std::min(name.size(), to.size() - 1);
  std::copy_n(name.begin(), count, to.begin());
  to[count] = '\0';
}

}  // namespace

const UsbFsFile::Row UsbFsFile::kRows[] = {
    {USBDEVFS_GET_CAPABILITIES, &UsbFsFile::GetCapabilities, false},
    {USBDEVFS_GETDRIVER, &UsbFsFile::GetDriver, false},
    {USBDEVFS_CLAIMINTERFACE, &UsbFsFile::Claim, false},
    {USBDEVFS_RELEASEINTERFACE, &UsbFsFile::Release, false},
    {USBDEVFS_DISCONNECT_CLAIM, &UsbFsFile::DisconnectClaim, false},
    {USBDEVFS_IOCTL, &UsbFsFile::DriverIoctl, false},
    {USBDEVFS_SETCONFIGURATION, &UsbFsFile::SetConfiguration, false},
    {USBDEVFS_SETINTERFACE, &UsbFsFile::SetInterface, false},
    {USBDEVFS_CLEAR_HALT, &UsbFsFile::ClearHalt, false},
    {USBDEVFS_RESETEP, &UsbFsFile::ClearHalt, false},
    {USBDEVFS_RESET, &UsbFsFile::ResetDevice, false},
    {USBDEVFS_SUBMITURB, &UsbFsFile::Submit, false},
    {USBDEVFS_DISCARDURB, &UsbFsFile::Discard, true},
    {USBDEVFS_REAPURB, &UsbFsFile::Reap, true},
    {USBDEVFS_REAPURBNDELAY, &UsbFsFile::ReapNow, true},
};

UsbFsFile::UsbFsFile(asio::io_context& io, int fd, UsbFsNode& node, UsbDevice& device)
    : channel_(fd), node_(node), device_(device), watch_(io, fd, [this] { Serve(); }) {}

UsbFsFile::~UsbFsFile() { device_.Forget(*this); }

void UsbFsFile::Serve() {
  const std::optional<PreloadChannel::Request> request = channel_.Receive();
  if (!request) {
    node_.Closed(*this);  // this object is destroyed
    return;
  }
  if (request->call != PreloadChannel::Call::kIoctl) {
    channel_.Fail(EINVAL);
    return;
  }
  const Row* row = std::find_if(std::begin(kRows), std::end(kRows),
                                [&](const Row& candidate) { return candidate.request == request->first; });
  if (row == std::end(kRows)) {
    channel_.Fail(ENOTTY);
  } else if (device_.gone() && !row->when_gone) {
    channel_.Fail(ENODEV);
  } else {
    (this->*row->handle)(request->second);
  }
}

void UsbFsFile::GetCapabilities(uint64_t argument) {
  constexpr uint32_t kCapabilities = USBDEVFS_CAP_ZERO_PACKET | USBDEVFS_CAP_NO_PACKET_SIZE_LIM |
                                     USBDEVFS_CAP_BULK_SCATTER_GATHER | USBDEVFS_CAP_REAP_AFTER_DISCONNECT;
  channel_.Write(argument, kCapabilities);
  channel_.Answer(0);
}

void UsbFsFile::GetDriver(uint64_t argument) {
  std::optional<usbdevfs_getdriver> asked = channel_.Read<usbdevfs_getdriver>(argument);
  if (!asked) return;
  const Interface* interface = device_.FindInterface(asked->interface);
  const bool claimed = node_.ClaimerOf(asked->interface) != nullptr;
  if (interface == nullptr || (!claimed && !device_.HasDriver(asked->interface))) {
    channel_.Fail(ENODATA);
    return;
  }
  CopyName(claimed ? "usbfs" : interface->driver, asked->driver);
  channel_.Write(argument, *asked);
  channel_.Answer(0);
}

int UsbFsFile::TryClaim(unsigned interface) {
  if (device_.FindInterface(interface) == nullptr) return ENOENT;
  if (HasClaimed(interface)) return 0;
  if (device_.HasDriver(interface) || node_.ClaimerOf(interface) != nullptr) return EBUSY;
  claimed_.insert(interface);
  return 0;
}

void UsbFsFile::Claim(uint64_t argument) {
  const std::optional<unsigned> interface = channel_.Read<unsigned>(argument);
  if (!interface) return;
  const int error = TryClaim(*interface);
  channel_.Answer(error == 0 ? 0 : -1, error);
}

void UsbFsFile::Release(uint64_t argument) {
  const std::optional<unsigned> interface = channel_.Read<unsigned>(argument);
  if (!interface) return;
  if (claimed_.erase(*interface) != 0) {
    channel_.Answer(0);
  } else {
    channel_.Fail(EINVAL);
  }
}

void UsbFsFile::DisconnectClaim(uint64_t argument) {
  const std::optional<usbdevfs_disconnect_claim> asked = channel_.Read<usbdevfs_disconnect_claim>(argument);
  if (!asked) return;
  const Interface* interface = device_.FindInterface(asked->interface);
  if (interface != nullptr && device_.HasDriver(interface->number)) {
    const std::string named(asked->driver, strnlen(asked->driver, sizeof(asked->driver)));
    const bool is_named = interface->driver == named;
    const bool only_if = (asked->flags & USBDEVFS_DISCONNECT_CLAIM_IF_DRIVER) != 0;
    const bool except_if = (asked->flags & USBDEVFS_DISCONNECT_CLAIM_EXCEPT_DRIVER) != 0;
    if ((only_if && !is_named) || (except_if && is_named)) {
      channel_.Fail(EBUSY);
      return;
    }
    device_.SetDriver(interface->number, false);
  }
  const int error = TryClaim(asked->interface);
  channel_.Answer(error == 0 ? 0 : -1, error);
}

void UsbFsFile::DriverIoctl(uint64_t argument) {
  const std::optional<usbdevfs_ioctl> asked = channel_.Read<usbdevfs_ioctl>(argument);
  if (!asked) return;
  const Interface* interface = device_.FindInterface(static_cast<unsigned>(asked->ifno));
  if (interface == nullptr) {
    channel_.Fail(EINVAL);
    return;
  }
  const bool attached = device_.HasDriver(interface->number);
  switch (static_cast<uint32_t>(asked->ioctl_code)) {
    case USBDEVFS_DISCONNECT:
      // The kernel can also take an interface from a program this way. No program under test asks for that.
      if (!attached) {
        channel_.Fail(ENODATA);
        return;
      }
      device_.SetDriver(interface->number, false);
      channel_.Answer(0);
      return;
    case USBDEVFS_CONNECT:
      if (attached || node_.ClaimerOf(interface->number) != nullptr) {
        channel_.Fail(EBUSY);
        return;
      }
      if (!interface->driver.empty()) device_.SetDriver(interface->number, true);
      channel_.Answer(interface->driver.empty() ? 0 : 1);  // how many drivers have claimed it
      return;
    default:
      channel_.Fail(ENOTTY);
  }
}

void UsbFsFile::SetConfiguration(uint64_t argument) {
  const std::optional<unsigned> value = channel_.Read<unsigned>(argument);
  if (!value) return;
  if (*value > 1) {
    channel_.Fail(EINVAL);
    return;
  }
  for (const Interface& interface : device_.model().descriptors().interfaces) {
    if (device_.HasDriver(interface.number) || node_.ClaimerOf(interface.number) != nullptr) {
      channel_.Fail(EBUSY);
      return;
    }
  }
  device_.Reset();
  channel_.Answer(0);
}

void UsbFsFile::SetInterface(uint64_t argument) {
  const std::optional<usbdevfs_setinterface> asked = channel_.Read<usbdevfs_setinterface>(argument);
  if (!asked) return;
  if (device_.FindInterface(asked->interface) == nullptr || asked->altsetting != 0) {
    channel_.Fail(EINVAL);
  } else {
    channel_.Answer(0);
  }
}

void UsbFsFile::ClearHalt(uint64_t argument) {
  const std::optional<unsigned> endpoint = channel_.Read<unsigned>(argument);
  if (!endpoint) return;
  const auto address = static_cast<uint8_t>(*endpoint);
  if (device_.model().FindEndpoint(address) == nullptr) {
    channel_.Fail(ENOENT);
    return;
  }
  device_.model().SetHalted(address, false);
  device_.Wake();
  channel_.Answer(0);
}

void UsbFsFile::ResetDevice(uint64_t) {
  device_.Reset();
  channel_.Answer(0);
}

void UsbFsFile::Submit(uint64_t argument) {
  // A structure that ends with an array of undeclared length cannot be passed by value.
  alignas(usbdevfs_urb) std::array<uint8_t, sizeof(usbdevfs_urb)> bytes{};
  if (!channel_.Read(argument, bytes)) return;
  const usbdevfs_urb& urb = *reinterpret_cast<const usbdevfs_urb*>(bytes.data());
  const bool is_known = urb.type == USBDEVFS_URB_TYPE_CONTROL || urb.type == USBDEVFS_URB_TYPE_BULK ||
                        urb.type == USBDEVFS_URB_TYPE_INTERRUPT;
  if (!is_known || urb.buffer_length < 0) {
    channel_.Fail(EINVAL);
    return;
  }
  const auto size = static_cast<unsigned>(urb.buffer_length);
  if (size > kLargestBuffer) {
    channel_.Fail(ENOMEM);
    return;
  }
  auto transfer = std::make_unique<Transfer>();
  transfer->address = argument;
  transfer->type = urb.type;
  transfer->endpoint = urb.endpoint;
  transfer->flags = urb.flags;
  transfer->buffer = reinterpret_cast<uint64_t>(urb.buffer);
  transfer->data.resize(size);
  const bool has_data = transfer->is_control() || (urb.endpoint & 0x80) == 0;
  if (has_data && !channel_.Read(transfer->buffer, transfer->data)) return;
  const int error = device_.Submit(*this, std::move(transfer));
  channel_.Answer(error == 0 ? 0 : -1, error);
}

void UsbFsFile::Discard(uint64_t argument) {
  if (device_.Discard(*this, argument)) {
    channel_.Answer(0);
  } else {
    channel_.Fail(EINVAL);
  }
}

void UsbFsFile::Done(std::unique_ptr<Transfer> transfer) {
  done_.push_back(std::move(transfer));
  if (reaping_) ShowDone(*std::exchange(reaping_, std::nullopt));
  node_.UpdateReadiness();
}

void UsbFsFile::Reap(uint64_t argument) {
  if (done_.empty() && !device_.gone()) {
    reaping_ = argument;
  } else {
    ReapNow(argument);
  }
}

void UsbFsFile::ReapNow(uint64_t argument) {
  if (done_.empty()) {
    channel_.Fail(device_.gone() ? ENODEV : EAGAIN);
  } else {
    ShowDone(argument);
  }
}

// Writes the oldest transfer that has ended to the program's memory, and its address to `argument`.
void UsbFsFile::ShowDone(uint64_t argument) {
  const std::unique_ptr<Transfer> transfer = std::move(done_.front());
  done_.pop_front();
  if (transfer->is_in()) {
    const size_t begin = transfer->is_control() ? kSetupSize : 0;
    channel_.Write(transfer->buffer + begin, std::span<const uint8_t>(transfer->data).subspan(begin, transfer->moved));
  }
  channel_.Write(transfer->address + offsetof(usbdevfs_urb, status), transfer->status);
  channel_.Write(transfer->address + offsetof(usbdevfs_urb, actual_length), static_cast<int>(transfer->moved));
  channel_.Write(argument, transfer->address);
  node_.UpdateReadiness();
  channel_.Answer(0);
}

}  // namespace probegate::usbemu
