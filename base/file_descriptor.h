// An open file that is closed with its owner.
#pragma once

#include <unistd.h>

#include <utility>

namespace probegate {

class FileDescriptor {
 public:
  // Takes `number` over; what is below zero is no file, as the system's calls answer where they fail.
  explicit FileDescriptor(int number) : number_(number) {}
  ~FileDescriptor() {
    if (number_ >= 0) ::close(number_);
  }
  FileDescriptor(FileDescriptor&& other) noexcept : number_(other.Release()) {}
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  FileDescriptor& operator=(FileDescriptor&&) = delete;

  bool ok() const { return number_ >= 0; }
  int number() const { return number_; }

  // Leaves the closing to the caller.
  int Release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

}  // namespace probegate
