// Owns an open file, and closes it when it is destroyed.
#pragma once

#include <unistd.h>

#include <utility>

namespace probegate {

class FileDescriptor {
 public:
  // Takes ownership of `number`. A negative number means that there is no file: system calls return one if they fail.
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

  // Passes the ownership to the caller.
  int Release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

}  // namespace probegate
