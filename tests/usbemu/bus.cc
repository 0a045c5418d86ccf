#include "tests/usbemu/bus.h"

#include <algorithm>
#include <iostream>
#include <utility>

namespace probegate::usbemu {
namespace {

constexpr unsigned kBusNumber = 1;
constexpr unsigned kLastNumber = 127;
constexpr unsigned kUsbMajor = 189;
constexpr unsigned kHidrawMajor = 240;

DeviceNode::Address UsbNode(unsigned number) {
  std::string digits = std::to_string(number);
  digits.insert(0, 3 - digits.size(), '0');
  return {"/dev/bus/usb/001/" + digits, kUsbMajor, (kBusNumber - 1) * 128 + number - 1};
}

}  // namespace

struct Bus::Plugged {
  Plugged(std::unique_ptr<UsbDevice> usb, unsigned its_number) : device(std::move(usb)), number(its_number) {}

  std::unique_ptr<UsbDevice> device;
  const unsigned number;
  SysTree::UsbAddress address;
  SysTree::Texts texts;
  SysTree::Path path;
  struct Hid {
    std::unique_ptr<HidrawNode> node;
    SysTree::Path path;  // empty: unplugged
    unsigned interface = 0;
  };
  std::list<Hid> hids;
  std::unique_ptr<UsbFsNode> node;

  size_t open_files() const {
    size_t count = node->open_files();
    for (const Hid& hid : hids) count += hid.node->open_files();
    return count;
  }
};

Bus::Bus(asio::io_context& io, std::string root, BusTiming timing, std::vector<Slot> slots)
    : io_(io), timing_(timing), slots_(std::move(slots)), root_(std::move(root)), sys_(root_) {
  plugged_.resize(slots_.size());
  AddHub();
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].spec.plugged) Plug(i);
  }
}

Bus::~Bus() = default;

void Bus::AddHub() {
  hub_ = std::make_unique<Plugged>(std::make_unique<UsbDevice>(io_), 1);
  hub_->node = std::make_unique<UsbFsNode>(io_, root_, UsbNode(1), false, *hub_->device);
  sys_.AddDevice({.bus = kBusNumber, .device = 1}, hub_->device->model().descriptors(),
                 {.vendor = "Linux", .product = "Emulated host controller", .serial = "usbemu"}, timing_.speed);
}

UsbDevice* Bus::device(size_t index) { return plugged_[index] ? plugged_[index]->device.get() : nullptr; }

unsigned Bus::number(size_t index) const { return plugged_[index] ? plugged_[index]->number : 0; }

size_t Bus::open_files() const {
  size_t count = hub_->open_files();
  for (const auto& plugged : plugged_) count += plugged ? plugged->open_files() : 0;
  for (const auto& left : left_) count += left->open_files();
  return count;
}

bool Bus::has_denied() const {
  return std::any_of(slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.spec.denied; });
}

void Bus::Plug(size_t index) {
  Sweep();
  if (plugged_[index]) return;
  const Slot& slot = slots_[index];
  slot.set_power(true);
  UsbDevice::Hooks hooks = {.on_unplug =
                                [this, index](const char* why) {
                                  std::cerr << "usbemu: device " << index << " is unplugged: " << why << '\n';
                                  Unplug(index);
                                },
                            .restart_board =
                                [this, index] {
                                  slots_[index].set_power(false);
                                  slots_[index].set_power(true);
                                }};
  auto device = std::make_unique<UsbDevice>(io_, slot.spec, timing_, slot.board, std::move(hooks));
  last_number_ = last_number_ % kLastNumber + 1;
  if (last_number_ == 1) ++last_number_;  // the root hub's
  auto plugged = std::make_unique<Plugged>(std::move(device), last_number_);
  Plugged& it = *plugged;
  it.address = {.bus = kBusNumber, .device = it.number, .port = static_cast<unsigned>(index + 1)};
  it.texts = {.vendor = slot.spec.vendor, .product = slot.spec.product, .serial = slot.spec.serial.value_or("")};
  it.node = std::make_unique<UsbFsNode>(io_, root_, UsbNode(it.number), slot.spec.denied, *it.device);
  it.path = sys_.AddDevice(it.address, it.device->model().descriptors(), it.texts, timing_.speed);
  it.device->OnDriverChange(
      [this, &it](const Interface& interface, bool attached) { ChangeDriver(it, interface, attached); });
  for (const Interface& interface : it.device->model().descriptors().interfaces) ChangeDriver(it, interface, true);
  plugged_[index] = std::move(plugged);
}

// A kernel driver has claimed or released an interface. While the HID driver has it, it has a hidraw node.
void Bus::ChangeDriver(Plugged& plugged, const Interface& interface, bool attached) {
  if (interface.report_size == 0) return;  // not a HID interface
  if (attached) {
    const unsigned minor = next_hidraw_++;
    const DeviceSpec& spec = slots_[plugged.address.port - 1].spec;
    const HidrawNode::Identity identity = {
        .vendor_id = spec.vendor_id,
        .product_id = spec.product_id,
        .name = plugged.texts.vendor + ' ' + plugged.texts.product,
        .serial = plugged.texts.serial,
        .physical =
            "usb-0000:00:14.0-" + std::to_string(plugged.address.port) + "/input" + std::to_string(interface.number),
    };
    const DeviceNode::Address address = {"/dev/hidraw" + std::to_string(minor), kHidrawMajor, minor};
    Plugged::Hid hid;
    hid.interface = interface.number;
    hid.node = std::make_unique<HidrawNode>(io_, root_, address, *plugged.device, interface, identity);
    hid.path = sys_.AddHidraw(plugged.path, plugged.address, interface, plugged.device->model().descriptors(),
                              plugged.texts, minor);
    plugged.hids.push_back(std::move(hid));
    return;
  }
  for (Plugged::Hid& hid : plugged.hids) {
    if (hid.interface != interface.number || hid.path.empty()) continue;
    hid.node->HangUp();
    sys_.Remove(std::exchange(hid.path, ""));
  }
}

void Bus::Unplug(size_t index) {
  if (!plugged_[index]) return;
  left_.push_back(std::move(plugged_[index]));
  Plugged& it = *left_.back();
  it.device->Unplug();
  for (Plugged::Hid& hid : it.hids) hid.node->HangUp();
  it.node->HangUp();
  sys_.Remove(it.path);
  slots_[index].set_power(false);
}

// Destroys unplugged devices that no program has open any more. Must not be called from within one of them.
void Bus::Sweep() {
  std::erase_if(left_, [](const auto& left) { return left->open_files() == 0; });
  for (const auto& plugged : plugged_) {
    if (!plugged) continue;
    plugged->hids.remove_if([](const Plugged::Hid& hid) { return hid.path.empty() && hid.node->open_files() == 0; });
  }
}

}  // namespace probegate::usbemu
