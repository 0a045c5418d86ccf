// The type of board that a client names with fqbn: either as Arduino CLI does, as vendor:architecture:board, with the
// board's options after a third colon (a=1,b=2); or by a name without colons, which only has a meaning in recipes.
//
// Options say how a sketch is compiled. They normally have nothing to do with debugging, and Arduino CLI leaves them
// out of the name of the folder into which it compiles.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace probegate {

class Fqbn {
 public:
  // INVALID_ARGUMENT, as in Arduino CLI, if there are two parts or more than four, if the board's name is empty, or if
  // an option is not option=value. The vendor, the architecture and values may be empty. Any characters are allowed.
  static absl::StatusOr<Fqbn> Parse(const std::string& text);

  // With the options.
  std::string ToString() const;
  // Without the options.
  const std::string& board() const { return board_; }
  // The name of the folder in a sketch's build/ into which Arduino CLI exports the binaries.
  std::string BuildFolder() const;

  size_t options() const { return options_.size(); }
  // `number`: from 0, less than options().
  Fqbn WithoutOption(size_t number) const;

 private:
  std::string board_;
  std::vector<std::string> options_;  // option=value
};

}  // namespace probegate
