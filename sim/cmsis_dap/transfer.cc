#include "sim/cmsis_dap/transfer.h"

#include <array>

namespace probegate::sim {
namespace {

constexpr uint8_t kReadRdbuff = kTransferRead | 0x0C;
constexpr uint8_t kWriteAbort = 0x00;
constexpr uint8_t kWireBits = kTransferAp | kTransferRead | kTransferAddress;

bool IsRead(uint8_t request) { return (request & kTransferRead) != 0; }
bool IsAp(uint8_t request) { return (request & kTransferAp) != 0; }
bool IsMatch(uint8_t request) { return IsRead(request) && (request & kTransferMatchValue) != 0; }

// The most bytes that one transfer can add to a reply.
size_t ReplySize(uint8_t request) {
  const size_t stamp = (request & kTransferTimestamp) != 0 ? 4 : 0;
  return stamp + (IsRead(request) && !IsMatch(request) ? 4 : 0);
}

}  // namespace

void Transfers::ResetSettings() {
  swd_.settings() = {};
  jtag_.set_idle_cycles(0);
  static_cast<void>(jtag_.Configure({}));
  wait_retries_ = kDefaultWaitRetries;
  match_retries_ = 0;
  match_mask_ = 0;
}

bool Transfers::Configure(RequestReader& request, ReplyWriter& reply) {
  const uint8_t idle_cycles = request.U8();
  const uint16_t wait_retries = request.U16();
  const uint16_t match_retries = request.U16();
  if (!request.ok()) return false;
  swd_.settings().idle_cycles = idle_cycles;
  jtag_.set_idle_cycles(idle_cycles);
  wait_retries_ = wait_retries;
  match_retries_ = match_retries;
  reply.U8(kStatusOk);
  return true;
}

bool Transfers::Begin(uint8_t device) {
  if (!probe_.connected()) return false;
  master_ = probe_.port() == ProbePins::Port::kJtag ? static_cast<WireMaster*>(&jtag_) : &swd_;
  return master_->Begin(device);
}

bool Transfers::WriteAbort(RequestReader& request, ReplyWriter& reply) {
  const uint8_t device = request.U8();
  uint32_t value = request.U32();
  if (!request.ok()) return false;
  const bool reachable = Begin(device);
  if (reachable && master_ == &jtag_) jtag_.WriteAbort(value);
  if (reachable && master_ == &swd_) TransferOnce(kWriteAbort, &value);
  reply.U8(reachable ? kStatusOk : kStatusError);
  return true;
}

bool Transfers::Transfer(RequestReader& request, ReplyWriter& reply) {
  const uint8_t device = request.U8();
  const uint8_t total = request.U8();
  std::array<Item, UINT8_MAX> items;
  size_t reply_size = 2;
  for (size_t i = 0; i < total; ++i) {
    const uint8_t bits = request.U8();
    items[i] = {bits, !IsRead(bits) || IsMatch(bits) ? request.U32() : 0};
    reply_size += ReplySize(bits);
  }
  if (!request.ok() || reply_size > reply.room()) return false;

  const size_t head = reply.size();
  reply.U8(0);
  reply.U8(0);
  if (!Begin(device)) return true;
  Progress progress;
  for (size_t i = 0; i < total && Run(items[i], progress, reply); ++i) ++progress.count;
  if (progress.ack == kAckOk) {
    if (progress.posted_read) {
      CollectPosted(progress, reply);
    } else if (progress.unchecked_write) {
      uint32_t ignored = 0;
      progress.ack = TransferWithRetries(kReadRdbuff, &ignored);
    }
  }
  reply.Patch(head, progress.count);
  reply.Patch(head + 1, progress.ack);
  return true;
}

bool Transfers::Run(const Item& item, Progress& progress, ReplyWriter& reply) {
  if (!IsRead(item.request)) return RunWrite(item, progress, reply);
  progress.unchecked_write = false;
  if (IsMatch(item.request)) {
    if (progress.posted_read && !CollectPosted(progress, reply)) return false;
    return RunMatch(item, progress);
  }
  return RunRead(item, progress, reply);
}

bool Transfers::RunRead(const Item& item, Progress& progress, ReplyWriter& reply) {
  uint32_t data = 0;
  const bool posts = master_->Posts(item.request);
  const bool collects = posts && progress.posted_ap == IsAp(item.request);
  if (progress.posted_read && !collects && !CollectPosted(progress, reply)) return false;
  if (!posts) {
    progress.ack = TransferWithRetries(item.request, &data);
    if (progress.ack != kAckOk) return false;
    Stamp(item, reply);
    reply.U32(data);
    return true;
  }
  // A posted read returns what the read before it fetched.
  progress.ack = TransferWithRetries(item.request, &data);
  if (progress.ack != kAckOk) return false;
  if (progress.posted_read) reply.U32(data);
  Stamp(item, reply);
  progress.posted_read = true;
  progress.posted_ap = IsAp(item.request);
  return true;
}

bool Transfers::RunMatch(const Item& item, Progress& progress) {
  uint32_t data = 0;
  if (master_->Posts(item.request)) {
    progress.ack = TransferWithRetries(item.request, &data);
    if (progress.ack != kAckOk) return false;
  }
  unsigned retries = match_retries_;
  do {
    progress.ack = TransferWithRetries(item.request, &data);
    if (progress.ack != kAckOk) return false;
  } while ((data & match_mask_) != item.value && retries-- != 0);
  if ((data & match_mask_) == item.value) return true;
  progress.ack |= kAckMismatch;
  return false;
}

bool Transfers::RunWrite(const Item& item, Progress& progress, ReplyWriter& reply) {
  if (progress.posted_read && !CollectPosted(progress, reply)) return false;
  if ((item.request & kTransferMatchMask) != 0) {
    match_mask_ = item.value;
    progress.ack = kAckOk;
    return true;
  }
  uint32_t data = item.value;
  progress.ack = TransferWithRetries(item.request, &data);
  if (progress.ack != kAckOk) return false;
  Stamp(item, reply);
  progress.unchecked_write = true;
  return true;
}

bool Transfers::CollectPosted(Progress& progress, ReplyWriter& reply) {
  uint32_t data = 0;
  progress.posted_read = false;
  progress.ack = TransferWithRetries(kReadRdbuff, &data);
  if (progress.ack != kAckOk) return false;
  reply.U32(data);
  return true;
}

bool Transfers::TransferBlock(RequestReader& request, ReplyWriter& reply) {
  const uint8_t device = request.U8();
  const uint16_t words = request.U16();
  const uint8_t bits = request.U8() & kWireBits;
  const std::span<const uint8_t> data = request.Bytes(IsRead(bits) ? 0 : size_t{4} * words);
  if (!request.ok() || 3 + (IsRead(bits) ? size_t{4} * words : 0) > reply.room()) return false;

  const size_t head = reply.size();
  reply.U16(0);
  reply.U8(0);
  if (words == 0 || !Begin(device)) return true;
  uint16_t done = 0;
  const uint8_t ack = IsRead(bits) ? ReadBlock(bits, words, done, reply) : WriteBlock(bits, data, done);
  reply.Patch(head, static_cast<uint8_t>(done));
  reply.Patch(head + 1, static_cast<uint8_t>(done >> 8));
  reply.Patch(head + 2, ack);
  return true;
}

uint8_t Transfers::ReadBlock(uint8_t request, uint16_t words, uint16_t& done, ReplyWriter& reply) {
  uint32_t data = 0;
  uint8_t ack = kAckOk;
  const bool posts = master_->Posts(request);
  if (posts) ack = TransferWithRetries(request, &data);
  for (; ack == kAckOk && done < words; ++done) {
    const bool last_posted = posts && done + 1 == words;
    ack = TransferWithRetries(last_posted ? kReadRdbuff : request, &data);
    if (ack != kAckOk) break;
    reply.U32(data);
  }
  return ack;
}

uint8_t Transfers::WriteBlock(uint8_t request, std::span<const uint8_t> data, uint16_t& done) {
  RequestReader words(data);
  while (words.left() != 0) {
    uint32_t word = words.U32();
    const uint8_t ack = TransferWithRetries(request, &word);
    if (ack != kAckOk) return ack;
    ++done;
  }
  uint32_t ignored = 0;
  return TransferWithRetries(kReadRdbuff, &ignored);
}

void Transfers::Stamp(const Item& item, ReplyWriter& reply) {
  if ((item.request & kTransferTimestamp) != 0) reply.U32(timer_());
}

uint8_t Transfers::TransferWithRetries(uint8_t request, uint32_t* data) {
  uint8_t ack = TransferOnce(request, data);
  for (unsigned retries = wait_retries_; ack == kAckWait && retries != 0; --retries) ack = TransferOnce(request, data);
  return ack;
}

uint8_t Transfers::TransferOnce(uint8_t request, uint32_t* data) {
  const std::optional<TransferFault> fault = faults_.Next();
  if (fault == TransferFault::kWait) port_.ForceNext(Ack::kWait);
  if (fault == TransferFault::kFault) port_.ForceNext(Ack::kFault);
  const uint8_t ack = master_->Transfer(request & kWireBits, data, fault == TransferFault::kNoAck);
  if (fault) port_.ForceNext(std::nullopt);
  if (ack == kAckOk && IsAp(request) && !IsRead(request)) ++ap_writes_;
  return ack;
}

}  // namespace probegate::sim
