#include "probe/usb/libusb_device.h"

#include <libusb.h>

#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "probe/error.h"

namespace probegate::usb {
namespace {

struct ErrorRow {
  int error;
  ErrorKind kind;
  const char* text;
};
constexpr ErrorRow kErrors[] = {
    {LIBUSB_ERROR_IO, ErrorKind::kProbeError, "input or output failed"},
    {LIBUSB_ERROR_INVALID_PARAM, ErrorKind::kProbeError, "the system rejected the request"},
    {LIBUSB_ERROR_ACCESS, ErrorKind::kUnsupported,
     "no permission to open it. To allow it: sudo cp deploy/udev/70-probegate.rules /etc/udev/rules.d/ && "
     "sudo udevadm control --reload && sudo udevadm trigger --subsystem-match=usb"},
    {LIBUSB_ERROR_NO_DEVICE, ErrorKind::kProbeDisconnected, "it was unplugged"},
    {LIBUSB_ERROR_NOT_FOUND, ErrorKind::kProbeDisconnected, "it is no longer connected"},
    {LIBUSB_ERROR_BUSY, ErrorKind::kBusy, "another program uses it"},
    {LIBUSB_ERROR_TIMEOUT, ErrorKind::kProbeError, "it does not answer"},
    {LIBUSB_ERROR_OVERFLOW, ErrorKind::kProbeError, "it sent more data than requested"},
    {LIBUSB_ERROR_PIPE, ErrorKind::kProbeError, "it rejected the request (STALL)"},
    {LIBUSB_ERROR_INTERRUPTED, ErrorKind::kProbeError, "interrupted by a signal"},
    {LIBUSB_ERROR_NO_MEM, ErrorKind::kInternal, "out of memory"},
    {LIBUSB_ERROR_NOT_SUPPORTED, ErrorKind::kUnsupported, "not supported on this system"},
    {LIBUSB_ERROR_OTHER, ErrorKind::kProbeError, "the system reported an unspecified error"},
};

}  // namespace

absl::Status TranslateLibusb(int error) {
  if (error >= 0) return absl::OkStatus();
  for (const ErrorRow& row : kErrors) {
    if (row.error == error) return MakeError(row.kind, row.text);
  }
  return MakeError(ErrorKind::kInternal, absl::StrCat("libusb error ", error));
}

namespace {

struct StatusRow {
  libusb_transfer_status status;
  int error;  // 0: none
};
constexpr StatusRow kStatuses[] = {
    {LIBUSB_TRANSFER_COMPLETED, 0},
    {LIBUSB_TRANSFER_ERROR, LIBUSB_ERROR_IO},
    {LIBUSB_TRANSFER_TIMED_OUT, LIBUSB_ERROR_TIMEOUT},
    {LIBUSB_TRANSFER_CANCELLED, LIBUSB_ERROR_INTERRUPTED},
    {LIBUSB_TRANSFER_STALL, LIBUSB_ERROR_PIPE},
    {LIBUSB_TRANSFER_NO_DEVICE, LIBUSB_ERROR_NO_DEVICE},
    {LIBUSB_TRANSFER_OVERFLOW, LIBUSB_ERROR_OVERFLOW},
};

int ErrorOf(libusb_transfer_status status) {
  for (const StatusRow& row : kStatuses) {
    if (row.status == status) return row.error;
  }
  return LIBUSB_ERROR_OTHER;
}

// State that a device shares with its claims and pipes.
struct OpenDevice {
  OpenDevice(std::shared_ptr<const void> c, libusb_device_handle* h, std::shared_ptr<const std::atomic<bool>> g)
      : context(std::move(c)), handle(h), gone(std::move(g)) {}
  ~OpenDevice() { libusb_close(handle); }
  OpenDevice(const OpenDevice&) = delete;
  OpenDevice& operator=(const OpenDevice&) = delete;

  bool present() const { return !lost && !*gone; }

  // As TranslateLibusb; also remembers that the device is lost, if it is. That applies to this handle only: if another
  // program has reset the port, the device works again after it is reopened.
  absl::Status Translate(int error) {
    if (error == LIBUSB_ERROR_NO_DEVICE) lost = true;
    return TranslateLibusb(error);
  }

  const std::shared_ptr<const void> context;
  libusb_device_handle* const handle;
  const std::shared_ptr<const std::atomic<bool>> gone;  // it was unplugged
  std::atomic<bool> lost = false;                       // this handle no longer reaches the device
};

class LibusbPipe final : public Pipe {
 public:
  LibusbPipe(OpenDevice& device, const Endpoint& endpoint) : device_(device), endpoint_(endpoint) {}
  ~LibusbPipe() override { CancelAll(); }

  absl::Status Write(absl::Span<const uint8_t> bytes, bool end_short) override {
    std::unique_ptr<Transfer> transfer = NewTransfer(bytes.size());
    std::copy(bytes.begin(), bytes.end(), transfer->buffer.begin());
    const bool on_boundary = endpoint_.max_packet != 0 && bytes.size() % endpoint_.max_packet == 0;
    return Start(std::move(transfer), end_short && on_boundary ? LIBUSB_TRANSFER_ADD_ZERO_PACKET : 0);
  }

  absl::Status Read(size_t size) override { return Start(NewTransfer(size), 0); }

  size_t started() const override { return started_.size(); }

  absl::StatusOr<std::optional<absl::Span<const uint8_t>>> Take(TimePoint deadline) override {
    if (started_.empty()) return std::nullopt;
    {
      MutexLock lock(mutex_);
      while (!started_.front()->done) {
        if (!ended_.WaitUntil(mutex_, deadline) && !started_.front()->done) return std::nullopt;
      }
    }
    if (taken_ != nullptr) free_.push_back(std::move(taken_));
    taken_ = std::move(started_.front());
    started_.pop_front();
    const libusb_transfer& raw = *taken_->raw;
    if (absl::Status status = device_.Translate(ErrorOf(raw.status)); !status.ok()) return status;
    return absl::MakeConstSpan(taken_->buffer).first(static_cast<size_t>(raw.actual_length));
  }

  void Cancel() override { CancelAll(); }

  absl::Status Clear() override {
    CancelAll();
    return device_.Translate(libusb_clear_halt(device_.handle, endpoint_.address));
  }

 private:
  struct Transfer {
    explicit Transfer(LibusbPipe& p) : pipe(p), raw(libusb_alloc_transfer(0)) {}
    ~Transfer() { libusb_free_transfer(raw); }
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;
    LibusbPipe& pipe;
    libusb_transfer* const raw;
    std::vector<uint8_t> buffer;
    bool done = false;  // guarded by the pipe's mutex
  };

  static void LIBUSB_CALL OnEnd(libusb_transfer* raw) {
    auto* transfer = static_cast<Transfer*>(raw->user_data);
    LibusbPipe& pipe = transfer->pipe;
    MutexLock lock(pipe.mutex_);
    transfer->done = true;
    pipe.ended_.NotifyAll();  // with the lock held: the pipe may be destroyed as soon as it is released
  }

  std::unique_ptr<Transfer> NewTransfer(size_t size) {
    std::unique_ptr<Transfer> transfer;
    if (free_.empty()) {
      transfer = std::make_unique<Transfer>(*this);
    } else {
      transfer = std::move(free_.back());
      free_.pop_back();
    }
    transfer->buffer.resize(size);
    transfer->done = false;
    return transfer;
  }

  absl::Status Start(std::unique_ptr<Transfer> transfer, uint8_t flags) {
    if (transfer->raw == nullptr) return device_.Translate(LIBUSB_ERROR_NO_MEM);
    const auto fill =
        endpoint_.kind == TransferKind::kInterrupt ? libusb_fill_interrupt_transfer : libusb_fill_bulk_transfer;
    fill(transfer->raw, device_.handle, endpoint_.address, transfer->buffer.data(),
         static_cast<int>(transfer->buffer.size()), &OnEnd, transfer.get(), 0);
    transfer->raw->flags = flags;
    if (const int error = libusb_submit_transfer(transfer->raw); error != 0) return device_.Translate(error);
    started_.push_back(std::move(transfer));
    return absl::OkStatus();
  }

  // libusb ends every cancelled transfer soon; until then, the system uses the transfer's memory.
  void CancelAll() {
    for (const auto& transfer : started_) libusb_cancel_transfer(transfer->raw);
    for (auto& transfer : started_) {
      {
        MutexLock lock(mutex_);
        while (!transfer->done) ended_.Wait(mutex_);
      }
      free_.push_back(std::move(transfer));
    }
    started_.clear();
  }

  OpenDevice& device_;
  const Endpoint endpoint_;
  Mutex mutex_;
  CondVar ended_;
  std::deque<std::unique_ptr<Transfer>> started_;
  std::vector<std::unique_ptr<Transfer>> free_;
  std::unique_ptr<Transfer> taken_;  // the transfer that the last view refers to
};

class LibusbClaim final : public Claim {
 public:
  LibusbClaim(OpenDevice& device, uint8_t number) : device_(device), number_(number) {}
  ~LibusbClaim() override { libusb_release_interface(device_.handle, number_); }

  std::unique_ptr<Pipe> OpenPipe(const Endpoint& endpoint) override {
    return std::make_unique<LibusbPipe>(device_, endpoint);
  }

 private:
  OpenDevice& device_;
  const uint8_t number_;
};

class LibusbDevice final : public Device {
 public:
  LibusbDevice(std::shared_ptr<const void> context, libusb_device_handle* handle,
               std::shared_ptr<const std::atomic<bool>> gone)
      : open_(std::move(context), handle, std::move(gone)) {
    libusb_set_auto_detach_kernel_driver(handle, 1);  // a platform without this has no kernel driver to detach
  }

  bool present() const override { return open_.present(); }

  absl::StatusOr<std::unique_ptr<Claim>> TakeInterface(uint8_t number) override {
    if (const int error = libusb_claim_interface(open_.handle, number); error != 0) return open_.Translate(error);
    return std::make_unique<LibusbClaim>(open_, number);
  }

  absl::StatusOr<size_t> ControlIn(const ControlSetup& setup, absl::Span<uint8_t> data,
                                   std::chrono::milliseconds bound) override {
    return Control(setup, data.data(), data.size(), bound);
  }

  absl::Status ControlOut(const ControlSetup& setup, absl::Span<const uint8_t> data,
                          std::chrono::milliseconds bound) override {
    std::vector<uint8_t> bytes(data.begin(),
                               data.end());  // libusb takes a non-const pointer, although it does not write here
    const auto size = Control(setup, bytes.data(), bytes.size(), bound);
    if (size.ok() && *size != data.size()) return open_.Translate(LIBUSB_ERROR_IO);
    return size.status();
  }

  absl::Status Reset() override { return open_.Translate(libusb_reset_device(open_.handle)); }

 private:
  absl::StatusOr<size_t> Control(const ControlSetup& setup, uint8_t* data, size_t size,
                                 std::chrono::milliseconds bound) {
    const int done = libusb_control_transfer(open_.handle, setup.request_type, setup.request, setup.value, setup.index,
                                             data, static_cast<uint16_t>(size), static_cast<unsigned>(bound.count()));
    if (done < 0) return open_.Translate(done);
    return static_cast<size_t>(done);
  }

  OpenDevice open_;
};

}  // namespace

std::unique_ptr<Device> TakeLibusbDevice(std::shared_ptr<const void> context, libusb_device_handle* handle,
                                         std::shared_ptr<const std::atomic<bool>> gone) {
  return std::make_unique<LibusbDevice>(std::move(context), handle, std::move(gone));
}

}  // namespace probegate::usb
