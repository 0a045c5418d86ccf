// A directory below /tmp that is there as long as this process, however that ends: a process beside it, which is no
// child of this one, waits for its end and removes what is left.
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
