// A directory below /tmp that exists for as long as this process, however that ends: another process, which is not a
// child of this one, waits for the end and removes the directory.
#pragma once

#include <string>

namespace probegate::usbemu {

class TemporaryDirectory {
 public:
  // Throws std::runtime_error.
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
  int alive_ = -1;  // closed by the end of this process
};

}  // namespace probegate::usbemu
