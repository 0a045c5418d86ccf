// One open file of a program under umockdev's preload library, seen from the other end of the socket that the library
// opened for it: the system calls that the program makes on it, access to the program's memory while it waits, and the
// answer that lets it go on. The protocol is that of libumockdev-preload.so.0 (umockdev 0.16 to 0.19): three machine
// words, followed by bytes if memory is transferred.
//
// Blocks while it talks to a program that waits for an answer, for ten seconds at most. If the program is gone, a
// function returns false, and from then on all of them do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "tests/usbemu/bytes.h"

namespace probegate::usbemu {

class PreloadChannel {
 public:
  enum class Call : uint8_t { kIoctl = 1, kRead = 7, kWrite = 8 };
  struct Request {
    Call call = Call::kIoctl;
    uint64_t first = 0;   // ioctl: the request; read, write: the address of the buffer
    uint64_t second = 0;  // ioctl: the argument; read, write: how many bytes
  };

  // The caller keeps the ownership of `fd`.
  explicit PreloadChannel(int fd);

  std::optional<Request> Receive();

  // Read from and write to the program's memory. Written bytes arrive with the answer.
  bool Read(uint64_t address, std::span<uint8_t> bytes);
  void Write(uint64_t address, std::span<const uint8_t> bytes);

  template <typename Value>
  std::optional<Value> Read(uint64_t address) {
    Value value{};
    if (!Read(address, {reinterpret_cast<uint8_t*>(&value), sizeof(value)})) return std::nullopt;
    return value;
  }
  template <typename Value>
  void Write(uint64_t address, const Value& value) {
    Write(address, std::span(reinterpret_cast<const uint8_t*>(&value), sizeof(value)));
  }

  // The system call returns `result`; if that is negative, errno is `error`.
  void Answer(long result, int error = 0);
  void Fail(int error) { Answer(-1, error); }

 private:
  void Append(uint64_t command, uint64_t first, uint64_t second);
  bool Flush();
  bool ReadAll(std::span<uint8_t> bytes);

  const int fd_;
  Bytes out_;
};

}  // namespace probegate::usbemu
