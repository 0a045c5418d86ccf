#include "absl/strings/str_cat.h"
#include "gateway/protocol/commands.h"

namespace probegate::commands {

Step RefuseArgument(Call& call, std::string_view name, std::string_view wanted, std::string_view value) {
  call.text = ArgumentError(name, wanted, value);
  return Step::kRefuse;
}

Step RefuseCount(Call& call, std::string_view name, uint32_t count, size_t most) {
  return RefuseArgument(call, name, absl::StrCat("an integer from 0 to ", most), std::to_string(count));
}

}  // namespace probegate::commands
