#include "tests/usbemu/hidraw_node.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace probegate::usbemu {
namespace {

constexpr size_t kKeptReports = 64;  // as many as the kernel keeps
constexpr size_t kLargestReport = 4096;

}  // namespace

HidrawNode::HidrawNode(asio::io_context& io, const std::string& root, const DeviceNode::Address& address,
                       UsbDevice& device, const Interface& interface, Identity identity)
    : io_(io), device_(device), interface_(interface), identity_(std::move(identity)), descriptor_(interface.report) {
  node_.emplace(io, root, address, false, [this](int fd) {
    files_.emplace_back(io_, fd, [this](File& file) { Serve(file); });
    Listen();
  });
}

HidrawNode::~HidrawNode() { device_.Forget(*this); }

void HidrawNode::HangUp() {
  gone_ = true;
  device_.Forget(*this);
  writers_.clear();
  for (File& file : files_) {
    if (std::exchange(file.writing, false) || std::exchange(file.reading, std::nullopt)) file.channel.Fail(EIO);
  }
  node_.reset();
}

void HidrawNode::Serve(File& file) {
  const std::optional<PreloadChannel::Request> request = file.channel.Receive();
  if (!request) {
    std::replace(writers_.begin(), writers_.end(), &file, static_cast<File*>(nullptr));
    files_.remove_if([&](const File& candidate) { return &candidate == &file; });
    UpdateReadiness();
    return;
  }
  if (gone_) {
    file.channel.Fail(request->call == PreloadChannel::Call::kRead ? EIO : ENODEV);
    return;
  }
  switch (request->call) {
    case PreloadChannel::Call::kIoctl:
      Ioctl(file, static_cast<uint32_t>(request->first), request->second);
      return;
    case PreloadChannel::Call::kRead:
      file.reading = request;
      Read(file);
      return;
    case PreloadChannel::Call::kWrite:
      Write(file, *request);
      return;
  }
  file.channel.Fail(EINVAL);
}

void HidrawNode::Ioctl(File& file, uint32_t request, uint64_t argument) {
  PreloadChannel& channel = file.channel;
  if (request == HIDIOCGRDESCSIZE) {
    channel.Write(argument, static_cast<int>(descriptor_.size()));
    channel.Answer(0);
  } else if (request == HIDIOCGRDESC) {
    const std::optional<uint32_t> room = channel.Read<uint32_t>(argument);
    if (!room) return;
    const size_t size = std::min<size_t>(*room, descriptor_.size());
    channel.Write(argument + offsetof(hidraw_report_descriptor, value), std::span(descriptor_).first(size));
    channel.Answer(0);
  } else if (request == HIDIOCGRAWINFO) {
    channel.Write(argument, hidraw_devinfo{.bustype = 3,  // USB
                                           .vendor = static_cast<int16_t>(identity_.vendor_id),
                                           .product = static_cast<int16_t>(identity_.product_id)});
    channel.Answer(0);
  } else if (_IOC_NR(request) == _IOC_NR(HIDIOCGRAWNAME(0)) && _IOC_TYPE(request) == 'H') {
    WriteText(file, argument, _IOC_SIZE(request), identity_.name);
  } else if (_IOC_NR(request) == _IOC_NR(HIDIOCGRAWPHYS(0)) && _IOC_TYPE(request) == 'H') {
    WriteText(file, argument, _IOC_SIZE(request), identity_.physical);
  } else if (_IOC_NR(request) == _IOC_NR(HIDIOCGRAWUNIQ(0)) && _IOC_TYPE(request) == 'H') {
    WriteText(file, argument, _IOC_SIZE(request), identity_.serial);
  } else {
    channel.Fail(ENOTTY);
  }
}

void HidrawNode::WriteText(File& file, uint64_t address, size_t room, const std::string& text) {
  const size_t size = std::min(room, text.size() + 1);
  file.channel.Write(address, std::span(reinterpret_cast<const uint8_t*>(text.c_str()), size));
  file.channel.Answer(static_cast<long>(size));
}

void HidrawNode::Read(File& file) {
  if (file.reports.empty()) return;
  const PreloadChannel::Request request = *std::exchange(file.reading, std::nullopt);
  const Bytes report = std::move(file.reports.front());
  file.reports.pop_front();
  UpdateReadiness();
  const size_t size = std::min<size_t>(request.second, report.size());
  file.channel.Write(request.first, std::span(report).first(size));
  file.channel.Answer(static_cast<long>(size));
}

// The first byte is the report's number, which this device does not use.
void HidrawNode::Write(File& file, const PreloadChannel::Request& request) {
  if (request.second < 2 || request.second > kLargestReport) {
    file.channel.Fail(EINVAL);
    return;
  }
  Bytes report(request.second);
  if (!file.channel.Read(request.first, report)) return;
  report.erase(report.begin());
  auto transfer = std::make_unique<Transfer>();
  transfer->type = USBDEVFS_URB_TYPE_INTERRUPT;
  transfer->endpoint = interface_.endpoints[0].address;
  transfer->data = std::move(report);
  file.writing = true;
  writers_.push_back(&file);
  if (const int error = device_.Submit(*this, std::move(transfer))) {
    writers_.pop_back();
    file.writing = false;
    file.channel.Fail(error);
  }
}

void HidrawNode::Done(std::unique_ptr<Transfer> transfer) {
  if (!transfer->is_in()) {
    File* writer = writers_.front();
    writers_.pop_front();
    if (writer == nullptr) return;
    writer->writing = false;
    if (transfer->status == 0) {
      writer->channel.Answer(static_cast<long>(transfer->data.size()) + 1);
    } else {
      writer->channel.Fail(-transfer->status);
    }
    return;
  }
  listening_ = false;
  if (transfer->status == -ESHUTDOWN) return;
  if (transfer->status == -EPIPE) device_.model().SetHalted(transfer->endpoint, false);
  if (transfer->status == 0) {
    transfer->data.resize(transfer->moved);
    for (File& file : files_) {
      if (file.reports.size() < kKeptReports) file.reports.push_back(transfer->data);
      if (file.reading) Read(file);
    }
  }
  UpdateReadiness();
  Listen();
}

void HidrawNode::Listen() {
  if (listening_ || files_.empty()) return;
  auto transfer = std::make_unique<Transfer>();
  transfer->type = USBDEVFS_URB_TYPE_INTERRUPT;
  transfer->endpoint = interface_.endpoints[1].address;
  // The report's length. If the device sends more, that is its fault.
  transfer->data.resize(interface_.report_size);
  listening_ = true;
  if (device_.Submit(*this, std::move(transfer)) != 0) listening_ = false;
}

void HidrawNode::UpdateReadiness() {
  const bool any = std::any_of(files_.begin(), files_.end(), [](const File& file) { return !file.reports.empty(); });
  if (node_) node_->SetReadable(any);
}

}  // namespace probegate::usbemu
