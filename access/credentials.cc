#include "access/credentials.h"

#include "base/ignoring_case.h"

namespace probegate {

absl::StatusOr<std::string> BearerToken(std::string_view authorization) {
  const size_t space = authorization.find(' ');
  const size_t begin = authorization.find_first_not_of(' ', space);
  if (space == authorization.npos || begin == authorization.npos ||
      !EqualsIgnoringCase(authorization.substr(0, space), "bearer")) {
    return absl::UnauthenticatedError("the metadata `authorization` must be \"Bearer\", a space and the token");
  }
  return std::string(authorization.substr(begin));
}

}  // namespace probegate
