// An open file of the system's, closed by its destructor.
#pragma once

#include <unistd.h>

namespace probegate::sim {

class FileDescriptor {
 public:
  // Takes over what open() has answered; -1 is none.
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
