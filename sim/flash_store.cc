#include "sim/flash_store.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "sim/atomic_file.h"
#include "sim/board_directory.h"
#include "spdlog/spdlog.h"

namespace probegate::sim {
namespace {

// Two processes with the same boards would overwrite each other's files. The lock is released when the process ends.
std::unique_ptr<FileDescriptor> Lock(const std::string& directory) {
  MakeDirectory(directory);
  const std::string path = directory + "/lock";
  auto file = std::make_unique<FileDescriptor>(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (file->get() < 0) throw std::runtime_error(fmt::format("{}: {}", path, std::strerror(errno)));
  if (::flock(file->get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) throw std::runtime_error(fmt::format("{}: in use by another process", directory));
    throw std::runtime_error(fmt::format("{}: {}", path, std::strerror(errno)));
  }
  return file;
}

}  // namespace

FlashStore::FlashStore(const std::string& directory, std::shared_ptr<spdlog::logger> log,
                       std::chrono::milliseconds delay)
    : directory_(directory), log_(std::move(log)), delay_(delay), lock_(Lock(directory)), thread_([this] { Run(); }) {}

FlashStore::~FlashStore() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

std::string FlashStore::PathOf(const std::string& serial) const {
  return directory_ + "/" + FileNameOf(serial, ".flash");
}

std::optional<FlashContents> FlashStore::Read(const std::string& serial) const {
  const std::string path = PathOf(serial);
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) return std::nullopt;
  if (status.type() != std::filesystem::file_type::regular) {
    throw std::runtime_error(fmt::format("{}: {}", path, error ? error.message() : "not a regular file"));
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(fmt::format("cannot open {}: {}", path, std::strerror(errno)));
  const uintmax_t size = std::filesystem::file_size(path);
  if (size != FlashContents::kSize) {
    throw std::runtime_error(
        fmt::format("{}: {} bytes, but a board's flash and UICR have {}; remove the file to start with fresh flash",
                    path, size, FlashContents::kSize));
  }
  std::vector<uint8_t> bytes(FlashContents::kSize);
  if (!file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()))) {
    throw std::runtime_error(fmt::format("cannot read {}", path));
  }
  return FlashContents(std::move(bytes));
}

FlashChanged FlashStore::Keep(const std::string& serial, FlashContents contents) {
  const std::lock_guard lock(mutex_);
  boards_.push_back(std::make_unique<Board>(serial, PathOf(serial)));
  Board& board = *boards_.back();
  board.contents = std::move(contents);
  return [this, &board](uint32_t address, std::span<const uint8_t> bytes) { Change(board, address, bytes); };
}

void FlashStore::Change(Board& board, uint32_t address, std::span<const uint8_t> bytes) {
  {
    const std::lock_guard lock(board.mutex);
    board.contents.Write(address, bytes);
    if (std::exchange(board.dirty, true)) return;
  }
  Schedule(board);
}

void FlashStore::Schedule(Board& board) {
  {
    const std::lock_guard lock(mutex_);
    due_.emplace(Clock::now() + delay_, &board);
  }
  changed_.notify_one();
}

void FlashStore::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    if (due_.empty()) {
      if (ending_) return;
      changed_.wait(lock);
      continue;
    }
    const auto first = due_.begin();
    if (!ending_ && first->first > Clock::now()) {
      changed_.wait_until(lock, Clock::time_point(first->first));
      continue;
    }
    Board& board = *first->second;
    due_.erase(first);
    const bool last_try = ending_;
    lock.unlock();
    if (!Save(board) && !last_try) Retry(board);
    lock.lock();
  }
}

void FlashStore::Retry(Board& board) {
  {
    const std::lock_guard lock(board.mutex);
    if (std::exchange(board.dirty, true)) return;
  }
  Schedule(board);
}

bool FlashStore::Save(Board& board) {
  std::vector<uint8_t> bytes;
  {
    const std::lock_guard lock(board.mutex);
    board.dirty = false;
    bytes.assign(board.contents.bytes().begin(), board.contents.bytes().end());
  }
  try {
    WriteFileAtomically(board.path, bytes);
  } catch (const std::system_error& error) {
    if (!std::exchange(board.failing, true)) {
      log_->error("cannot save the flash of board {}, will keep trying: {}", board.serial, error.what());
    }
    return false;
  }
  if (std::exchange(board.failing, false)) log_->info("the flash of board {} is being saved again", board.serial);
  return true;
}

}  // namespace probegate::sim
