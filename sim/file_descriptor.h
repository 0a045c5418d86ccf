// Owns a file descriptor and closes it.
#pragma once

#include <unistd.h>

namespace probegate::sim {

class FileDescriptor {
 public:
  // Takes ownership of what open() has returned; -1 means that there is no file.
  explicit FileDescriptor(int value) : value_(value) {}
  ~FileDescriptor() {
    if (value_ >= 0) ::close(value_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;

  int get() const { return value_; }

 private:
  const int value_;
};

}  // namespace probegate::sim
