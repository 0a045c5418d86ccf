#include "tests/usbemu/transfers.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace probegate::usbemu {
namespace {

constexpr size_t kSetupSize = 8;
constexpr uint8_t kIn = 0x80;

Setup SetupOf(const Transfer& transfer) {
  return Setup::Parse(std::span<const uint8_t, kSetupSize>(transfer.data.data(), kSetupSize));
}

// The transfer's fault, if it is of this kind.
SetFault* FaultOf(const Transfer& transfer, Fault::Kind kind) {
  return transfer.fault && transfer.fault->fault.kind == kind ? transfer.fault.get() : nullptr;
}

void Invert(std::span<uint8_t> bytes, uint64_t at) {
  if (at < bytes.size()) bytes[at] = static_cast<uint8_t>(~bytes[at]);
}

// The fault has taken effect, and does not affect this transfer any more.
void Happen(Transfer& transfer) { std::exchange(transfer.fault, nullptr)->Happen(); }

}  // namespace

bool Transfer::is_in() const { return ((is_control() ? data[0] : endpoint) & kIn) != 0; }

Transfers::Transfers(DeviceModel& model, std::function<void()> on_unplug)
    : model_(model), on_unplug_(std::move(on_unplug)) {}

int Transfers::Submit(TransferOwner& owner, std::unique_ptr<Transfer> transfer) {
  uint8_t pipe = kControlPipe;
  Fault::Which which = Fault::Which::kControl;
  if (transfer->is_control()) {
    if (transfer->data.size() < kSetupSize) return EINVAL;
    if (SetupOf(*transfer).length > transfer->data.size() - kSetupSize) return EINVAL;
  } else {
    if (model_.FindEndpoint(transfer->endpoint) == nullptr) return ENOENT;
    pipe = transfer->endpoint;
    which = transfer->is_in() ? Fault::Which::kIn : Fault::Which::kOut;
    if (model_.trace_endpoint() == pipe) which = Fault::Which::kTrace;
  }
  transfer->fault = faults_.Submitted(which);
  if (FaultOf(*transfer, Fault::Kind::kHang) != nullptr) {
    model_.Hang();
    Happen(*transfer);
  }
  const bool unplug = FaultOf(*transfer, Fault::Kind::kUnplug) != nullptr;
  const std::shared_ptr<SetFault> fault = transfer->fault;
  pipes_[pipe].push_back({&owner, std::move(transfer)});
  if (unplug) {
    on_unplug_();
    fault->Happen();
  }
  return 0;
}

bool Transfers::Discard(const TransferOwner& owner, uint64_t address) {
  for (auto& [number, pipe] : pipes_) {
    const auto found = std::find_if(pipe.begin(), pipe.end(), [&](const Waiting& waiting) {
      return waiting.owner == &owner && waiting.transfer->address == address;
    });
    if (found == pipe.end()) continue;
    Waiting waiting = std::move(*found);
    pipe.erase(found);
    waiting.transfer->status = -ENOENT;
    GiveBack(std::move(waiting));
    return true;
  }
  return false;
}

void Transfers::Forget(const TransferOwner& owner) {
  for (auto& [number, pipe] : pipes_) {
    std::erase_if(pipe, [&](Waiting& waiting) {
      if (waiting.owner != &owner) return false;
      if (waiting.transfer->fault) waiting.transfer->fault->End(false);
      return true;
    });
  }
}

bool Transfers::Move(Budget budget, Clock::time_point now) {
  bool moved = true;
  bool exhausted = false;
  std::map<uint8_t, unsigned> interrupt;
  // Repeated, because a packet that leaves one endpoint makes room for one on another.
  while (std::exchange(moved, false)) {
    for (auto& [number, pipe] : pipes_) {
      while (!pipe.empty()) {
        Transfer& front = *pipe.front().transfer;
        if (!front.held_until) {
          const Endpoint* endpoint = model_.FindEndpoint(number);
          const bool is_interrupt = endpoint != nullptr && endpoint->attributes == kEndpointInterrupt;
          if (is_interrupt) interrupt.try_emplace(number, budget.interrupt);
          unsigned& packets = number == kControlPipe ? budget.control : is_interrupt ? interrupt[number] : budget.bulk;
          const unsigned before = packets;
          const Step step = MoveFront(front, packets);
          if (packets != before) moved = true;
          if (step == Step::kNoBudget) exhausted = true;
          if (step != Step::kEnded) break;
          Finish(front, now);
        }
        if (front.held_until && *front.held_until > now) break;
        Waiting waiting = std::move(pipe.front());
        pipe.pop_front();
        GiveBack(std::move(waiting));
        moved = true;
      }
    }
  }
  return exhausted;
}

Transfers::Step Transfers::MoveFront(Transfer& transfer, unsigned& packets) {
  if (EndsAtOnce(transfer)) return Step::kEnded;
  if (transfer.is_control()) return MoveControl(transfer, packets);
  const Endpoint& endpoint = *model_.FindEndpoint(transfer.endpoint);
  return transfer.is_in() ? MoveIn(transfer, endpoint, packets) : MoveOut(transfer, endpoint, packets);
}

bool Transfers::EndsAtOnce(Transfer& transfer) {
  if (FaultOf(transfer, Fault::Kind::kStall)) {
    if (!transfer.is_control()) model_.SetHalted(transfer.endpoint, true);
    transfer.status = -EPIPE;
    Happen(transfer);
    return true;
  }
  if (FaultOf(transfer, Fault::Kind::kError)) {
    transfer.status = -EPROTO;
    Happen(transfer);
    return true;
  }
  if (!transfer.is_control() && model_.halted(transfer.endpoint)) {
    transfer.status = -EPIPE;
    return true;
  }
  return false;
}

Transfers::Step Transfers::MoveControl(Transfer& transfer, unsigned& transfers) {
  if (transfers == 0) return Step::kNoBudget;
  if (FaultOf(transfer, Fault::Kind::kDrop)) {
    transfer.lost = true;
    Happen(transfer);
  }
  if (transfer.lost) return Step::kRefused;
  --transfers;
  const Setup setup = SetupOf(transfer);
  Bytes sent;
  if (!transfer.is_in())
    sent.assign(transfer.data.begin() + kSetupSize, transfer.data.begin() + kSetupSize + setup.length);
  const std::optional<Bytes> answer = model_.Control(setup, sent);
  if (!answer) {
    transfer.status = -EPIPE;
  } else if (transfer.is_in()) {
    transfer.moved = std::min<size_t>(answer->size(), setup.length);
    std::copy_n(answer->begin(), transfer.moved, transfer.data.begin() + kSetupSize);
  } else {
    transfer.moved = setup.length;
  }
  return Step::kEnded;
}

Transfers::Step Transfers::MoveOut(Transfer& transfer, const Endpoint& endpoint, unsigned& packets) {
  if (FaultOf(transfer, Fault::Kind::kDrop)) {
    transfer.moved = transfer.data.size();
    Happen(transfer);
    return Step::kEnded;
  }
  size_t size = transfer.data.size();
  if (SetFault* fault = FaultOf(transfer, Fault::Kind::kTruncate)) size = std::min(size, size_t{fault->fault.bytes});
  if (SetFault* fault = FaultOf(transfer, Fault::Kind::kCorrupt)) {
    Invert(transfer.data, fault->fault.bytes);
    Happen(transfer);
  }
  const bool wants_end =
      (transfer.flags & USBDEVFS_URB_ZERO_PACKET) != 0 && size != 0 && size % endpoint.max_packet == 0;
  while (transfer.moved < size || (size == 0 && !transfer.end_sent) || (wants_end && !transfer.end_sent)) {
    if (packets == 0) return Step::kNoBudget;
    const size_t count = std::min<size_t>(endpoint.max_packet, size - transfer.moved);
    if (!model_.Out(transfer.endpoint, std::span(transfer.data).subspan(transfer.moved, count))) return Step::kRefused;
    --packets;
    transfer.moved += count;
    if (count == 0) transfer.end_sent = true;
  }
  transfer.moved = transfer.data.size();
  if (FaultOf(transfer, Fault::Kind::kTruncate)) Happen(transfer);
  return Step::kEnded;
}

Transfers::Step Transfers::MoveIn(Transfer& transfer, const Endpoint& endpoint, unsigned& packets) {
  while (true) {
    const Bytes* packet = model_.NextIn(transfer.endpoint);
    if (packet == nullptr) return Step::kRefused;
    if (packets == 0) return Step::kNoBudget;
    --packets;
    const size_t size = packet->size();
    const size_t count = std::min(size, transfer.data.size() - transfer.moved);
    std::copy_n(packet->begin(), count, transfer.data.begin() + static_cast<ptrdiff_t>(transfer.moved));
    model_.TakenIn(transfer.endpoint);
    transfer.moved += count;
    if (count < size) transfer.status = -EOVERFLOW;
    const bool ended = size < endpoint.max_packet || transfer.moved == transfer.data.size();
    if (!ended) continue;
    if (!FaultOf(transfer, Fault::Kind::kDrop)) return Step::kEnded;
    transfer.moved = 0;
    transfer.status = 0;
    Happen(transfer);
  }
}

// Applies the faults that take effect at the end of a transfer.
void Transfers::Finish(Transfer& transfer, Clock::time_point now) {
  const bool short_is_wrong = (transfer.flags & USBDEVFS_URB_SHORT_NOT_OK) != 0;
  if (SetFault* fault = FaultOf(transfer, Fault::Kind::kTruncate)) {
    transfer.moved = std::min(transfer.moved, size_t{fault->fault.bytes});
    Happen(transfer);
  } else if (SetFault* corrupt = FaultOf(transfer, Fault::Kind::kCorrupt)) {
    const size_t begin = transfer.is_control() ? kSetupSize : 0;
    Invert(std::span(transfer.data).subspan(begin, transfer.moved), corrupt->fault.bytes);
    Happen(transfer);
  } else if (FaultOf(transfer, Fault::Kind::kBabble)) {
    transfer.status = -EOVERFLOW;
    Happen(transfer);
  } else if (SetFault* delay = FaultOf(transfer, Fault::Kind::kDelay)) {
    transfer.held_until = now + delay->fault.delay;
  }
  const bool is_short = transfer.is_in() && !transfer.is_control() && transfer.moved < transfer.data.size();
  if (transfer.status == 0 && short_is_wrong && is_short) transfer.status = -EREMOTEIO;
}

void Transfers::GiveBack(Waiting waiting) {
  Transfer& transfer = *waiting.transfer;
  if (const std::shared_ptr<SetFault> fault = std::exchange(transfer.fault, nullptr)) {
    // A delay has taken effect when it is over. Any other fault that is left did not get the chance.
    if (transfer.held_until && transfer.status != -ENOENT) {
      fault->Happen();
    } else if (fault->fault.kind != Fault::Kind::kUnplug) {
      fault->End(false);
    }
  }
  waiting.owner->Done(std::move(waiting.transfer));
}

size_t Transfers::Room(uint8_t endpoint) const {
  size_t room = 0;
  const auto pipe = pipes_.find(endpoint);
  if (pipe == pipes_.end()) return room;
  for (const Waiting& waiting : pipe->second) {
    if (!waiting.transfer->held_until) room += waiting.transfer->data.size() - waiting.transfer->moved;
  }
  return room;
}

std::optional<Clock::time_point> Transfers::NextDue() const {
  std::optional<Clock::time_point> next;
  for (const auto& [number, pipe] : pipes_) {
    if (pipe.empty() || !pipe.front().transfer->held_until) continue;
    const Clock::time_point due = *pipe.front().transfer->held_until;
    if (!next || due < *next) next = due;
  }
  return next;
}

void Transfers::EndAll() {
  for (auto& [number, pipe] : std::exchange(pipes_, {})) {
    for (Waiting& waiting : pipe) {
      waiting.transfer->status = -ESHUTDOWN;
      GiveBack(std::move(waiting));
    }
  }
}

}  // namespace probegate::usbemu
