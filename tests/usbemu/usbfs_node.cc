#include "tests/usbemu/usbfs_node.h"

#include <algorithm>

#include "tests/usbemu/usbfs_file.h"

namespace probegate::usbemu {

UsbFsNode::UsbFsNode(asio::io_context& io, const std::string& root, const DeviceNode::Address& address, bool denied,
                     UsbDevice& device)
    : io_(io), device_(device) {
  node_.emplace(io, root, address, denied,
                [this](int fd) { files_.push_back(std::make_unique<UsbFsFile>(io_, fd, *this, device_)); });
  UpdateReadiness();
}

UsbFsNode::~UsbFsNode() = default;

void UsbFsNode::HangUp() { node_.reset(); }

const UsbFsFile* UsbFsNode::ClaimerOf(unsigned interface) const {
  for (const std::unique_ptr<UsbFsFile>& file : files_) {
    if (file->HasClaimed(interface)) return file.get();
  }
  return nullptr;
}

// All programs that have the node open share one descriptor. A program that is woken for another one's transfer finds
// nothing to reap.
void UsbFsNode::UpdateReadiness() {
  const bool done = std::any_of(files_.begin(), files_.end(), [](const auto& file) { return file->has_done(); });
  if (node_) node_->SetWritable(done);
}

void UsbFsNode::Closed(UsbFsFile& file) {
  std::erase_if(files_, [&](const auto& candidate) { return candidate.get() == &file; });
  UpdateReadiness();
}

}  // namespace probegate::usbemu
