#include "access/claims.h"

#include <string>
#include <utility>

#include <nlohmann/json.hpp>

namespace probegate {
namespace {

using nlohmann::json;

constexpr size_t kMostBytes = 1024;  // of a value, and of a name with those of the objects around it
constexpr size_t kMostValues = 256;

class Reader {
 public:
  void ReadObject(const json& object, const std::string& prefix) {
    for (const auto& [name, value] : object.items()) {
      const std::string full = prefix + name;
      if (full.size() > kMostBytes) continue;
      if (value.is_object()) {
        ReadObject(value, full + "/");
      } else if (value.is_array()) {
        for (const json& item : value) ReadValue(item, full);
      } else {
        ReadValue(value, full);
      }
    }
  }

  Claims Take() { return std::move(claims_); }

 private:
  void ReadValue(const json& value, const std::string& name) {
    if (!value.is_string() && !value.is_number() && !value.is_boolean()) return;
    std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    if (text.size() > kMostBytes || !IsUsableName(text) || count_ == kMostValues) return;
    claims_[name].push_back(std::move(text));
    ++count_;
  }

  Claims claims_;
  size_t count_ = 0;
};

}  // namespace

Claims ReadClaims(const json& object) {
  Reader reader;
  reader.ReadObject(object, "");
  return reader.Take();
}

}  // namespace probegate
