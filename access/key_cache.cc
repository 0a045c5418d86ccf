#include "access/key_cache.h"

#include <vector>

#include "absl/strings/str_split.h"
#include "access/digest.h"
#include "access/file_text.h"
#include "access/http_get.h"

namespace probegate {
namespace {

constexpr size_t kMostHead = 8192;  // bytes of the first two lines

}  // namespace

KeyCache::KeyCache(const std::string& folder, std::string url)
    : url_(std::move(url)), file_(folder.empty() ? "" : folder + "/jwks-" + ShortDigest(url_)) {}

std::optional<KeyCache::Entry> KeyCache::Load() const {
  if (file_.empty()) return std::nullopt;
  const auto text = ReadFileText(file_, kMostHttpBody + kMostHead);
  if (!text.ok()) return std::nullopt;
  const std::vector<std::string> parts = absl::StrSplit(*text, absl::MaxSplits('\n', 2));
  Entry entry;
  if (parts.size() != 3 || parts[1] != url_ ||
      !absl::ParseTime(absl::RFC3339_full, parts[0], &entry.fetched, nullptr)) {
    return std::nullopt;
  }
  entry.jwks = parts[2];
  return entry;
}

absl::Status KeyCache::Store(const Entry& entry) const {
  if (file_.empty()) return absl::OkStatus();
  const std::string fetched = absl::FormatTime(absl::RFC3339_sec, entry.fetched, absl::UTCTimeZone());
  return ReplaceFileText(file_, fetched + "\n" + url_ + "\n" + entry.jwks);
}

}  // namespace probegate
